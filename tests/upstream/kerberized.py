"""GSSAPI without Kerberos: a security context that is a fake, and a broker that goes with it."""

from proxy.upstream.mechanisms import MechanismFailed
from tests.upstream.support import RANGES, Desk

OFFER = b"\x01\0\0\0"


class Context:
    """Established by two tokens of ours (the second may be empty) and one of the broker's."""

    def __init__(self, last: bytes = b"") -> None:
        self.complete = False
        self.seen: list[bytes | None] = []
        self._answers = [b"ticket", last]

    def step(self, token: bytes | None) -> bytes:
        self.seen.append(token)
        self.complete = len(self.seen) == 2
        return self._answers.pop(0)

    def wrap(self, message: bytes) -> bytes:
        return b"wrapped:" + message

    def unwrap(self, message: bytes) -> bytes:
        if not message.startswith(b"wrapped:"):
            raise MechanismFailed("A token had an invalid Message Integrity Check (MIC)")
        return message.removeprefix(b"wrapped:")


class GssapiDesk(Desk):
    """A broker with GSSAPI. As Kafka it has no answer to the choice where tokens are bare."""

    def __init__(self, ranges=RANGES, _mechanisms=(), life_s=0.0):
        super().__init__(ranges, ("GSSAPI",), life_s)
        self._steps = {b"ticket": b"proof", b"": b"wrapped:" + OFFER, b"wrapped:" + OFFER: b""}

    def _bare_answer(self, frame):
        answer = super()._bare_answer(frame)
        return b"" if self.logged_in else answer

    def _judge(self, token):
        if token.startswith(b"wrapped:"):
            self._let_in()
        return self._steps[token]
