"""The keys of a token issuer, kept up to date: in the background, and when a token names a key that nobody knows."""

import threading
import time
from collections.abc import Callable
from typing import Final

from proxy.authentication.jwks import InvalidKeySet, KeySet
from proxy.providers.https import FetchFailed

ASK_AT_MOST_EVERY_S: Final = 1.0
"""However many tokens name unknown keys, the issuer is asked no more often."""


class KeyFeed:
    """The newest key set that could be had. What is in force stays in force when a newer one cannot be had.

    `fetch` gives the bytes of the set, and raises FetchFailed or OSError. `told` hears of every fetch: None, or why it
    failed. Safe to use from any thread.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        told: Callable[[str | None], None],
        *,
        at_most_every_s: float = ASK_AT_MOST_EVERY_S,
    ) -> None:
        self._fetch = fetch
        self._told = told
        self._at_most_every_s = at_most_every_s
        self._one_at_a_time = threading.Lock()
        self._begun = 0
        self._failed = False
        self._last_attempt = float("-inf")
        self.keys: KeySet | None = None

    def refresh(self) -> bool:
        """Fetch the set, and tell whether there is one now that is fresh. Blocks as long as fetching does."""
        with self._one_at_a_time:
            return self._refresh()

    def renewed(self, seen: KeySet | None) -> KeySet | None:
        """Fetch newer keys than `seen`, unless somebody did so meanwhile. Blocks, for a bounded time."""
        begun = self._begun
        with self._one_at_a_time:
            # What somebody else began to fetch meanwhile will do: a thousand tokens are one question.
            if self.keys is seen and self._begun == begun:
                rest_s = self._last_attempt + self._at_most_every_s - time.monotonic()
                if rest_s > 0 and self._failed:
                    # Waiting for an issuer that is gone would hold up others who wait for something.
                    return self.keys
                time.sleep(max(0.0, rest_s))
                self._refresh()
            return self.keys

    def _refresh(self) -> bool:
        self._begun += 1
        self._failed = True
        try:
            keys = KeySet.parse(self._fetch())
        except (FetchFailed, OSError, InvalidKeySet) as error:
            self._told(str(error))
            return False
        else:
            self.keys = keys
            self._failed = False
            self._told(None)
            return True
        finally:
            self._last_attempt = time.monotonic()
