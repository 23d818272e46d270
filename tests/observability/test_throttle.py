"""A mistake that repeats is told now and then, with how often it was kept back."""

from proxy.observability.throttle import Throttle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_is_told_then_one_per_interval_with_the_number_kept_back():
    clock = Clock()
    throttle = Throttle(60, clock)
    assert [throttle.admit("a") for _ in range(4)] == [0, None, None, None]
    clock.now += 60
    assert [throttle.admit("a") for _ in range(2)] == [3, None]
    clock.now += 61
    assert throttle.admit("a") == 1


def test_kinds_do_not_hide_each_other():
    throttle = Throttle(60, Clock())
    assert (throttle.admit("a"), throttle.admit("b"), throttle.admit("a")) == (0, 0, None)


def test_memory_stays_bounded_when_every_client_makes_a_mistake_of_its_own():
    clock = Clock()
    throttle = Throttle(60, clock)
    for address in range(10_000):
        throttle.admit(address)
        throttle.admit(address)
    assert len(throttle._next) <= 1024
    assert len(throttle._suppressed) <= 1024
