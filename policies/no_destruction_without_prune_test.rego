package trunkline.no_destruction_without_prune_test

import data.trunkline.no_destruction_without_prune as rule

plan(purpose) := {"steps": [
	{"id": "1.4.2/edge/remove-vm", "purpose": purpose, "act": {"act": "removeVm", "vm": "EDGE.1.4.2"}},
	{"id": "1.4.2/edge/remove-disk/D:\\edge.vhdx", "purpose": purpose, "act": {"act": "removeDisk", "path": "D:\\edge.vhdx"}},
	{"id": "1.4.2/host/remove-switch/Old", "purpose": purpose, "act": {"act": "removeSwitch", "switch": "Old"}},
	{"id": "2.1/edge/set-memory", "purpose": "change", "act": {"act": "setMemory", "to": 4096}},
]}

given(prune, purpose) := {"desired": {"appliance": "sea-1", "prune": prune}, "plan": plan(purpose)}

denied(document) := {found.msg | some found in rule.deny with input as document}

warned(document) := {found.msg | some found in rule.warn with input as document}

test_deletion_without_prune_is_denied_step_by_step if {
	denied(given(false, "prune")) == {
		"the plan deletes the VM EDGE.1.4.2, and `prune` is not set",
		"the plan deletes the disk D:\\edge.vhdx, and `prune` is not set",
		"the plan deletes the switch Old, and `prune` is not set",
	}
}

test_deletion_with_prune_is_allowed_and_disks_are_warned_of if {
	denied(given(true, "prune")) == set()
	count(warned(given(true, "prune"))) == 1
}

test_set_up_may_tear_down_what_never_served if denied(given(false, "setUp")) == set()

test_a_change_without_deletion_is_allowed if {
	denied({"desired": {"appliance": "sea-1", "prune": false}, "plan": {"steps": [plan("prune").steps[3]]}}) == set()
}
