"""The algebra behind the never-proofs, argued against plain sets of points."""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from sitekit.design import space
from sitekit.design.space import Box, Interval

spans = st.tuples(st.integers(0, 7), st.integers(0, 7)).map(lambda p: Interval(min(p), max(p)))
small_boxes = st.builds(Box, spans, spans, spans)


def points(box: Box) -> set[tuple[int, int, int]]:
    return {
        (a, b, c)
        for a in range(box.source.first, box.source.last + 1)
        for b in range(box.destination.first, box.destination.last + 1)
        for c in range(box.service.first, box.service.last + 1)
    }


@given(small_boxes, small_boxes)
def test_meet_is_the_intersection(one: Box, other: Box) -> None:
    common = space.meet(one, other)
    assert (points(common) if common else set()) == points(one) & points(other)


@given(small_boxes, small_boxes)
def test_subtract_is_the_difference_in_disjoint_boxes(one: Box, other: Box) -> None:
    left = space.subtract(one, other)
    assert set().union(*(points(b) for b in left)) == points(one) - points(other)
    assert sum(len(points(b)) for b in left) == len(points(one) - points(other))


@given(small_boxes, st.lists(small_boxes, max_size=4))
def test_subtract_all_leaves_what_is_in_none(one: Box, others: list[Box]) -> None:
    left = space.subtract_all(one, others)
    expected = points(one) - set().union(*(points(o) for o in others))
    assert set().union(*(points(b) for b in left)) == expected


@given(st.lists(spans, max_size=4), st.lists(spans, max_size=4))
def test_common_numbers_of_two_unions(one: list[Interval], other: list[Interval]) -> None:
    def numbers(union: list[Interval]) -> set[int]:
        return {n for i in union for n in range(i.first, i.last + 1)}

    assert numbers(space.common(one, other)) == numbers(one) & numbers(other)


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(24, 30)).map(
            lambda p: IPv4Network((0x0A000000 + (p[0] & ~((1 << (32 - p[1])) - 1)), p[1]))
        )
    )
)
def test_addresses_and_their_complement_share_nothing_and_miss_nothing(
    prefixes: list[IPv4Network],
) -> None:
    inside = space.addresses(prefixes)
    outside = space.complement(inside)
    assert not space.common(inside, outside)
    total = sum(i.last - i.first + 1 for i in [*inside, *outside])
    assert total == 1 << 32
    assert total - sum(i.last - i.first + 1 for i in outside) == len(
        {int(p.network_address) + n for p in prefixes for n in range(p.num_addresses)}
    )


def test_an_example_is_a_packet_that_somebody_can_send() -> None:
    box = Box(
        Interval(0x0A000001, 0x0A0000FF),
        Interval(0x08080808, 0x08080808),
        Interval(6 * 65536 + 443, 6 * 65536 + 443),
    )
    assert space.example(box) == "10.0.0.2 -> 8.8.8.8 tcp/443"
