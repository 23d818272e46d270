"""A conversation, driven as a session does it."""

from proxy.authentication.outcome import Conversation, Outcome, Verify


def answer(conversation: Conversation, token: bytes) -> Outcome:
    """Give it a token, and the results of the slow work as long as it asks for some."""
    outcome = conversation.respond(token)
    while isinstance(outcome, Verify):
        outcome = conversation.verified(outcome.work())
    return outcome
