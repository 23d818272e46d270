"""What is known of the brokers, and how it changes."""

from kio.schema.api_versions.v0.response import ApiVersionsResponse
from kio.schema.errors import ErrorCode

from proxy.addressing.topology import BrokerAddress, Topology, VersionFacts

BOOTSTRAP = [("boot-1", 9092), ("boot-2", 9092)]
ONE, TWO, MOVED = BrokerAddress("b1", 9092), BrokerAddress("b2", 9092, "rack-a"), BrokerAddress("b1", 9999)
FACTS = VersionFacts(ApiVersionsResponse(error_code=ErrorCode.none, api_keys=()))


def topology():
    made = Topology(BOOTSTRAP)
    made.learn({1: ONE, 2: TWO})
    return made


def test_only_the_bootstrap_servers_are_known_at_first():
    fresh = Topology(BOOTSTRAP)
    assert not fresh.known
    assert fresh.address_of(1) is None
    assert fresh.candidates() == BOOTSTRAP
    assert {fresh.pick_any() for _ in range(4)} == set(BOOTSTRAP)


def test_tells_what_changed():
    made = Topology(BOOTSTRAP)
    assert [str(change) for change in made.learn({2: TWO, 1: ONE})] == [
        "broker 1 added at b1:9092",
        "broker 2 added at b2:9092",
    ]
    assert made.learn({1: ONE, 2: TWO}) == ()
    assert [str(change) for change in made.learn({1: MOVED})] == [
        "broker 1 moved from b1:9092 to b1:9999",
        "broker 2 removed, was at b2:9092",
    ]
    assert made.generation == 2
    assert made.address_of(1) == MOVED
    assert made.address_of(2) is None


def test_an_empty_list_teaches_nothing():
    """A broker that has just started knows no brokers, not even itself."""
    made = topology()
    assert made.learn({}) == ()
    assert made.address_of(1) == ONE


def test_is_known_when_somebody_can_be_served():
    fresh = Topology(BOOTSTRAP)
    assert not fresh.known
    fresh.learn_versions(("boot-1", 9092), FACTS)
    assert fresh.known
    made = topology()
    assert not made.known
    made.learn_versions(("boot-1", 9092), FACTS)
    assert not made.known
    made.learn_versions(("b1", 9092), FACTS)
    assert made.known


def test_picks_one_whose_versions_are_known():
    """A broker that was learned a moment ago, or that never answered, is of no use to a client yet."""
    made = topology()
    made.learn_versions(("b1", 9092), FACTS)
    assert {made.pick_any() for _ in range(4)} == {("b1", 9092)}


def test_picks_each_in_its_turn():
    made = topology()
    picked = [made.pick_any() for _ in range(10)]
    assert picked.count(("b1", 9092)) == picked.count(("b2", 9092)) == 5


def test_avoids_what_failed_until_it_answers():
    made = topology()
    made.mark_failed(("b1", 9092))
    assert {made.pick_any() for _ in range(4)} == {("b2", 9092)}
    made.mark_reached(("b1", 9092))
    assert {made.pick_any() for _ in range(4)} == {("b1", 9092), ("b2", 9092)}


def test_picks_a_failed_one_rather_than_none():
    made = topology()
    made.mark_failed(("b1", 9092))
    made.mark_failed(("b2", 9092))
    assert made.pick_any() in {("b1", 9092), ("b2", 9092)}


def test_asks_what_failed_last():
    made = topology()
    made.mark_failed(("b1", 9092))
    assert made.candidates() == [("b2", 9092), *BOOTSTRAP, ("b1", 9092)]


def test_versions_belong_to_an_address():
    """A broker that has moved may be another version: it is asked anew."""
    made = topology()
    made.learn_versions(("b1", 9092), FACTS)
    made.learn_versions(("boot-1", 9092), FACTS)
    assert made.versions_of(1) is FACTS
    assert made.versions_of(2) is None
    assert made.versions_of(3) is None
    made.learn({1: MOVED})
    assert made.versions_of(1) is None
    assert made.versions_at("boot-1", 9092) is FACTS
    assert made.versions_at("b1", 9092) is None
