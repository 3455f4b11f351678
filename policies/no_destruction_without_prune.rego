# Nothing is deleted unless the manifest says `prune: true`.
#
# What never served may be rebuilt, and what set-up itself made for a while may go: those steps are done for `setUp`.
package trunkline.no_destruction_without_prune

deny contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	some step in destructive
	not input.desired.prune
	msg := sprintf("the plan deletes %s, and `prune` is not set", [what(step.act)])
	hint := "set `prune: true` on the appliance, or bring back what wished it"
}

warn contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	some step in destructive
	input.desired.prune
	step.act.act == "removeDisk"
	msg := sprintf("the plan deletes %s for good", [what(step.act)])
	hint := "copy it first if anything on it is still wanted"
}

appliance := input.desired.appliance

destructive contains step if {
	some step in input.plan.steps
	step.act.act in {"removeVm", "removeDisk", "removeSwitch"}
	step.purpose != "setUp"
}

what(act) := sprintf("the VM %s", [act.vm]) if act.act == "removeVm"

what(act) := sprintf("the disk %s", [act.path]) if act.act == "removeDisk"

what(act) := sprintf("the switch %s", [act.switch]) if act.act == "removeSwitch"
