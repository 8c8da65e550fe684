# ruff: noqa: E501
"""What each oracle says about lines known to be right and wrong."""

from __future__ import annotations

import pytest

from .interface import Answer
from .judges import oracle

HEAD = {
    "arista_eos": "vlan 20\ninterface Ethernet1\n   {}\n",
    "cisco_iosxe": "vlan 20\ninterface GigabitEthernet1/0/1\n {}\n",
    "fortinet_fortios": "config system global\n    {}\nend\n",
}
KNOWN = [
    ("arista_eos", "switchport access vlan 20", Answer.ATTESTED),
    ("arista_eos", "switchport acces vlan 20", Answer.UNKNOWN),
    ("arista_eos", "switchport access vlan 4095", Answer.CONTRADICTED),
    ("arista_eos", "switchport voice vlan 20", Answer.UNKNOWN),
    ("arista_eos", "switchport mode trunks", Answer.UNKNOWN),
    ("cisco_iosxe", "switchport access vlan 20", Answer.ATTESTED),
    ("cisco_iosxe", "switchport acces vlan 20", Answer.UNKNOWN),
    ("cisco_iosxe", "switchport access vlan 4095", Answer.CONTRADICTED),
    ("cisco_iosxe", "spanning-tree guard rooot", Answer.UNKNOWN),
    ("cisco_iosxe", "storm-control broadcast level 101", Answer.CONTRADICTED),
    ("fortinet_fortios", "set admintimeout 10", Answer.ATTESTED),
    ("fortinet_fortios", "set admintimeout 481", Answer.CONTRADICTED),
    ("fortinet_fortios", "set admintimeouts 10", Answer.CONTRADICTED),
    ("fortinet_fortios", "set admin-https-ssl-versions tlsv1-9", Answer.CONTRADICTED),
]


@pytest.mark.parametrize(("platform", "line", "answer"), KNOWN)
def test_an_oracle_knows_a_line(platform: str, line: str, answer: Answer) -> None:
    judged = oracle(platform).judge(HEAD[platform].format(line))
    assert {v.answer for v in judged if v.line == line} == {answer}


def test_what_is_not_defined_before_is_named() -> None:
    text = (
        'config firewall address\n    edit "here"\n        set subnet 10.0.0.0 255.0.0.0\n    next\n'
        'end\nconfig firewall addrgrp\n    edit "both"\n        set member "here" "there"\n    next\n'
        "end\n"
    )
    wrong = [v for v in oracle("fortinet_fortios").judge(text) if v.answer is not Answer.ATTESTED]
    assert [v.why for v in wrong] == ["member there is not defined before this line"]


@pytest.mark.parametrize("platform", ["arista_eos", "cisco_iosxe"])
def test_two_interfaces_in_one_network_are_named(platform: str) -> None:
    form = "/24" if platform == "arista_eos" else " 255.255.255.0"
    text = "".join(
        f"vlan {n}\ninterface Vlan{n}\n   ip address 10.0.0.{n}{form}\n" for n in (10, 20)
    )
    why = [v.why for v in oracle(platform).judge(text) if "overlaps" in v.why]
    assert why == ["10.0.0.0/24 overlaps 10.0.0.0/24 of Vlan10"]
