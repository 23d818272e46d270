FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
# The packages first: they change less often than the code.
RUN uv sync --frozen --no-dev --no-install-project
COPY protocol ./protocol
COPY policies ./policies
COPY proxy ./proxy
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin doorkeeper
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /etc/doorkeeper
EXPOSE 9093 9470
ENTRYPOINT ["doorkeeper"]
CMD ["run", "-c", "/etc/doorkeeper/doorkeeper.yaml"]
