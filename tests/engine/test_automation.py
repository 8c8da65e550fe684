"""The Automation API of the SDK, unchanged, over the stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi import automation
from pulumi.automation.errors import InlineSourceRuntimeError
from pulumi.automation.errors import RuntimeError as ProgramError

from tests.engine.replay import Replay

CONFIG = {
    "cidr": "10.20.0.0/16",
    "users": "1",
    "rules": "2",
    "toggles": "lean no-network",
}


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replay:
    made = Replay(tmp_path)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


def test_a_local_program_from_preview_to_removal(replay: Replay) -> None:
    stack = automation.create_or_select_stack(stack_name="lyon", work_dir=str(replay.work))
    stack.set_all_config(
        {
            **{key: automation.ConfigValue(value) for key, value in CONFIG.items()},
            "password": automation.ConfigValue("Not-a-real-1", secret=True),
        }
    )
    assert stack.get_config("password").secret
    assert stack.preview().change_summary == {"create": 10}
    events: list[object] = []
    up = stack.up(on_event=events.append)
    assert up.summary.resource_changes == {"create": 10}
    assert up.outputs["first_password"].secret
    assert up.outputs["first_password"].value == "Not-a-real-1"
    kinds = {
        name for event in events for name in ("resource_pre_event", "summary_event", "cancel_event")
        if getattr(event, name) is not None
    }  # fmt: skip
    assert kinds == {"resource_pre_event", "summary_event", "cancel_event"}
    assert stack.up(expect_no_changes=True).summary.resource_changes == {"same": 10}
    assert stack.preview_refresh().change_summary == {"same": 10}
    assert stack.refresh().summary.result == "succeeded"
    stack.import_stack(stack.export_stack())
    with pytest.raises(automation.CommandError, match="still has resources"):
        stack.workspace.remove_stack("lyon")
    stack.set_config("raise", automation.ConfigValue("yes"))
    with pytest.raises(ProgramError, match="the program stops here"):
        stack.up()
    assert stack.history()[0].result == "failed"
    stack.remove_config("raise")
    stack.set_config("users", automation.ConfigValue("0"))
    with pytest.raises(automation.CommandError, match="no changes were expected") as refused:
        stack.up(expect_no_changes=True)
    assert "code: 7" in str(refused.value)
    assert stack.preview_destroy().change_summary == {"delete": 8}
    assert stack.destroy().summary.resource_changes == {"delete": 8}
    stack.cancel()
    stack.workspace.remove_stack("lyon")
    assert [found.name for found in stack.workspace.list_stacks()] == ["paris"]


def test_stacks_that_are_there_or_not_are_told_apart(replay: Replay) -> None:
    work = str(replay.work)
    with pytest.raises(automation.StackAlreadyExistsError):
        automation.create_stack(stack_name="paris", work_dir=work)
    with pytest.raises(automation.StackNotFoundError):
        automation.select_stack(stack_name="nowhere", work_dir=work)
    folder = replay.folder / "state/.pulumi/locks/organization/sitekit-lab/paris"
    folder.mkdir(parents=True)
    (folder / "00000000-0000-0000-0000-000000000000.json").write_text("{}")
    stack = automation.select_stack(stack_name="paris", work_dir=work)
    with pytest.raises(automation.ConcurrentUpdateError):
        stack.up()


def test_an_inline_program(replay: Replay) -> None:
    import pulumi
    import pulumi_azure_native as azure

    def program() -> None:
        config = pulumi.Config()
        arm = azure.Provider("arm", subscription_id="00000000-0000-0000-0000-0000000000aa")
        group = azure.resources.ResourceGroup(
            "rg",
            resource_group_name="rg-inline",
            location="francecentral",
            tags={"label": config.require("label")},
            opts=pulumi.ResourceOptions(provider=arm),
        )
        pulumi.export("rg", group.id)
        pulumi.export("hidden", pulumi.Output.secret("hush"))
        if config.get("fail"):
            raise ValueError("not today")

    stack = automation.create_or_select_stack("paris", "inline-lab", program)
    stack.set_config("label", automation.ConfigValue("blue"))
    assert stack.preview().change_summary == {"create": 3}
    up = stack.up()
    assert up.outputs["rg"].value.endswith("/resourceGroups/rg-inline")
    assert up.outputs["hidden"].secret
    assert stack.up().summary.resource_changes == {"same": 3}
    stack.set_config("fail", automation.ConfigValue("yes"))
    with pytest.raises(InlineSourceRuntimeError, match="not today"):
        stack.up()
    assert stack.destroy().summary.resource_changes == {"delete": 3}
