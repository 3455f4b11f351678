# A plan keeps what the site promised, in each state that it passes through.
#
# The gate of the agent asks the same before the first step. This rule asks again, by other means, and it also judges plans in review,
# where there is no gate. Peers that nobody has seen are given the benefit of the doubt here; the gate gives them none.
package trunkline.availability_promise

deny contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	breaks_promises
	promised > count(peers)
	msg := sprintf("%s promises %d others serving while one is out, and has only %d others", [site, promised, count(peers)])
	hint := "lower availability.minServing, or add an appliance to the site"
}

deny contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	breaks_promises
	promised <= count(peers)
	possible := count(peers) - count(not_serving)
	possible < promised
	msg := sprintf("%s ends serving while at most %d others serve; %s promises %d", [named(first_ending), possible, site, promised])
	hint := sprintf("bring back first: %s", [concat(", ", sort(not_serving))])
}

# What a fault has closed already may be mended by a change: the gate asks for no more than what the site states.
deny contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	breaks_promises
	takes_calls
	count(peers) == 0
	promised == 0
	object.get(input.desired.availability, "plannedOutage", null) == null
	msg := sprintf("%s takes the last appliance of %s out, and the site states no outage", [named(first_ending), site])
	hint := "state availability.plannedOutage with a window and the longest time"
}

# Before anything hurts, calls are brought to an end.
deny contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	takes_calls
	some position, step in input.plan.steps
	step.purpose in planned
	step.impact in {"vmPowerOff", "hostReboot", "siteOutage"}
	not of_what_is_off(step)
	not drained_before(position)
	msg := sprintf("%s cuts calls: no step before it ends serving gently", [named(step)])
	hint := "this is a fault of the plan, not of your manifests; please report it"
}

warn contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	ends_serving
	count(peers) == 0
	at_most := input.desired.availability.plannedOutage.atMost
	expected := sum([step.time.expected | some step in input.plan.steps; step.purpose in planned])
	expected > at_most
	msg := sprintf("the planned steps may take %d min one after the other, and %s allows an outage of %d min", [ceil(expected / 60), site, floor(at_most / 60)])
	hint := "split the change, or allow more with availability.plannedOutage.atMost"
}

# A step as `trunkline plan` shows it, with the VM or host that it works on.
named(step) := sprintf("`%s` on %s", [object.get(step, "says", step.id), place(step)])

# Every way has an end: a denial whose words are undefined would be none.
place(step) := vm if {
	step.instance == input.desired.instance
	some role in input.desired.roles
	role.role == step.role
	vm := role.vm
} else := sprintf("%s of instance %s", [step.role, step.instance]) if {
	is_string(step.role)
	is_string(step.instance)
} else := "the host"

appliance := input.desired.appliance

site := input.desired.site

promised := input.desired.availability.minServing

peers := {peer | some peer in input.desired.peers}

# Purposes of work that could also be done later. Closing because of a fault takes no capacity that the fault had not taken.
planned := {"setUp", "drain", "change", "prune"}

takes_calls if input.report.posture == "serving"

takes_calls if input.report.posture.degraded

endings := [step |
	some step in input.plan.steps
	step.purpose in planned
	ends(step)
	not of_what_is_off(step)
]

ends(step) if step.impact in {"drain", "vmPowerOff", "hostReboot", "siteOutage"}

# The notes must not say that calls are kept away before they are.
ends(step) if step.purpose == "drain"

# Only a VM that is off is deleted, and only a disk that no VM uses.
of_what_is_off(step) if step.act.act in {"removeVm", "removeDisk"}

first_ending := endings[0]

# What a fault has closed is back within a minute, and what a change takes down is not: only planned work that has ended serving itself goes
# on unasked. Maintenance is a person's wish, and still subject to the promise.
ends_serving if {
	not begun
	count(endings) > 0
}

begun if input.report.begun

breaks_promises if {
	ends_serving
	not consented
}

consented if is_string(input.report.interruption.givenBy)

not_serving contains peer if {
	some peer in peers
	input.peers[peer].serving == "notServing"
}

drained_before(position) if {
	some earlier, step in input.plan.steps
	earlier < position
	step.impact == "drain"
}
