package trunkline.availability_promise_test

import data.trunkline.availability_promise

desired := {
	"site": "seattle",
	"appliance": "sea-2",
	"peers": ["sea-1", "sea-3"],
	"availability": {"minServing": 1, "plannedOutage": null},
}

alone := object.union(desired, {"peers": [], "availability": {"minServing": 0, "plannedOutage": {"windows": ["night"], "atMost": 2700}}})

step(id, purpose, impact, expected) := {"id": id, "purpose": purpose, "impact": impact, "time": {"expected": expected, "timeout": expected}}

# With what else the agent says of each.
shown(role, instance, says) := object.union(step("x", "drain", "drain", 60), {"role": role, "instance": instance, "says": says})

change := {"steps": [
	step("2.1/mediation/hold-service/RTCMEDSRV", "drain", "drain", 1200),
	step("2.1/mediation/shut-down-vm", "change", "vmPowerOff", 120),
	step("2.1/mediation/set-processors", "change", "none", 5),
	step("2.1/mediation/start-vm", "change", "none", 180),
	step("2.1/mediation/start-service/RTCMEDSRV", "return", "none", 30),
]}

given := {
	"desired": desired,
	"plan": change,
	"report": {"posture": "serving"},
	"peers": {"sea-1": {"serving": "serving"}, "sea-3": {"serving": "notServing"}},
}

denied(input_document) := {found.msg | some found in availability_promise.deny with input as input_document}

warned(input_document) := {found.msg | some found in availability_promise.warn with input as input_document}

test_a_change_with_enough_peers_is_allowed if denied(given) == set()

test_peers_that_nobody_saw_get_the_benefit_of_the_doubt if denied(object.union(given, {"peers": {}})) == set()

test_too_few_serving_peers_are_named if {
	found := denied(object.union(given, {"peers": {"sea-1": {"serving": "notServing"}}}))
	found == {"`2.1/mediation/hold-service/RTCMEDSRV` on the host ends serving while at most 0 others serve; seattle promises 1"}
}

test_a_step_is_named_as_the_plan_shows_it if {
	wish := object.union(desired, {"instance": "2.1", "roles": [{"role": "edge", "vm": "sea2-edge.2.1"}]})
	words := {place: msg |
		some place in [["edge", "2.1"], ["edge", "1.4.2"], [null, "2.1"]]
		plan := {"steps": [shown(place[0], place[1], "hold RTCSRV")]}
		some msg in denied({"desired": wish, "plan": plan, "report": {"posture": "serving"}, "peers": {"sea-1": {"serving": "notServing"}, "sea-3": {"serving": "notServing"}}})
	}
	words == {
		["edge", "2.1"]: "`hold RTCSRV` on sea2-edge.2.1 ends serving while at most 0 others serve; seattle promises 1",
		["edge", "1.4.2"]: "`hold RTCSRV` on edge of instance 1.4.2 ends serving while at most 0 others serve; seattle promises 1",
		[null, "2.1"]: "`hold RTCSRV` on the host ends serving while at most 0 others serve; seattle promises 1",
	}
}

test_a_promise_that_the_site_cannot_keep_is_denied if {
	promising := object.union(desired, {"availability": {"minServing": 3, "plannedOutage": null}})
	denied(object.union(given, {"desired": promising})) == {"seattle promises 3 others serving while one is out, and has only 2 others"}
}

test_a_consent_to_this_interruption_stands_for_the_promise if {
	nobody := object.union(given, {"peers": {"sea-1": {"serving": "notServing"}}})
	asked := {"posture": "serving", "interruption": {"digest": "d1", "steps": [], "givenBy": null}}
	count(denied(object.union(nobody, {"report": asked}))) == 1
	denied(object.union(nobody, {"report": object.union(asked, {"interruption": {"givenBy": "d1"}})})) == set()
}

test_what_planned_work_has_ended_may_be_worked_on if {
	begun := object.union(given, {"report": {"posture": {"down": []}, "begun": true}, "peers": {"sea-1": {"serving": "notServing"}}})
	denied(begun) == set()
}

test_a_fault_begins_no_planned_work if {
	faulty := object.union(given, {"report": {"posture": {"down": []}, "begun": false}, "peers": {"sea-1": {"serving": "notServing"}}})
	count(denied(faulty)) == 1
}

test_what_sets_up_beside_what_serves_is_subject_to_the_promise if {
	late := {"steps": [step("2.1/edge/inject-address/internet", "setUp", "drain", 60)]}
	count(denied(object.union(given, {"plan": late, "peers": {"sea-1": {"serving": "notServing"}}}))) == 1
	harmless := {"steps": [step("2.1/edge/define-vm", "setUp", "none", 60)]}
	denied(object.union(given, {"plan": harmless, "peers": {"sea-1": {"serving": "notServing"}}})) == set()
}

test_each_step_of_a_drain_counts if {
	notes := {"steps": [step("2.1/edge/note-down", "drain", "none", 5)]}
	count(denied(object.union(given, {"plan": notes, "peers": {"sea-1": {"serving": "notServing"}}}))) == 1
}

test_a_site_of_one_that_a_fault_closed_may_be_mended_by_a_change if {
	silent := object.union(alone, {"availability": {"minServing": 0, "plannedOutage": null}})
	faulty := {"desired": silent, "plan": change, "report": {"posture": {"down": []}, "begun": false}, "peers": {}}
	denied(faulty) == set()
}

test_nothing_is_cut_where_no_calls_are if {
	steps := [entry | some entry in change.steps; entry.purpose != "drain"]
	denied(object.union(given, {"plan": {"steps": steps}, "report": {"posture": {"down": []}, "begun": false}})) == set()
}

test_a_degraded_appliance_still_takes_calls if {
	degraded := object.union(given, {"report": {"posture": {"degraded": []}}, "peers": {"sea-1": {"serving": "notServing"}}})
	count(denied(degraded)) == 1
}

test_closing_because_of_a_fault_needs_no_peer if {
	closing := {"steps": [step("2.1/mediation/hold-service/RTCMEDSRV", "close", "drain", 60)]}
	denied(object.union(given, {"plan": closing, "peers": {"sea-1": {"serving": "notServing"}}})) == set()
}

test_powering_off_without_a_drain_is_denied if {
	steps := [entry | some entry in change.steps; entry.purpose != "drain"]
	found := denied(object.union(given, {"plan": {"steps": steps}}))
	found == {"`2.1/mediation/shut-down-vm` on the host cuts calls: no step before it ends serving gently"}
}

test_deleting_what_is_off_takes_no_capacity if {
	removal := object.union(step("1.4.2/edge/remove-vm", "prune", "vmPowerOff", 10), {"act": {"act": "removeVm", "vm": "EDGE.1.4.2"}})
	denied(object.union(given, {"plan": {"steps": [removal]}, "peers": {"sea-1": {"serving": "notServing"}}})) == set()
}

test_a_site_of_one_must_state_its_outage if {
	silent := object.union(alone, {"availability": {"minServing": 0, "plannedOutage": null}})
	unstated := {"desired": silent, "plan": change, "report": {"posture": "serving"}, "peers": {}}
	denied(unstated) == {"`2.1/mediation/hold-service/RTCMEDSRV` on the host takes the last appliance of seattle out, and the site states no outage"}
	stated := {"desired": alone, "plan": change, "report": {"posture": "serving"}, "peers": {}}
	denied(stated) == set()
}

test_a_long_outage_is_warned_of if {
	brief := object.union(alone, {"availability": {"minServing": 0, "plannedOutage": {"windows": ["night"], "atMost": 600}}})
	warned({"desired": brief, "plan": change, "report": {"posture": "serving"}, "peers": {}}) == {"the planned steps may take 26 min one after the other, and seattle allows an outage of 10 min"}
	warned({"desired": alone, "plan": change, "report": {"posture": "serving"}, "peers": {}}) == set()
}

test_documents_without_a_plan_are_not_judged if denied({"desired": desired}) == set()
