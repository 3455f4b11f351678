package trunkline.certificate_lifetimes_test

import data.trunkline.certificate_lifetimes

day := 86400

at(now, certificates) := {"now": now, "desired": {"appliance": "sea-1", "certificates": certificates}}

spring := "2026-04-01T00:00:00Z"

denied(document) := {found.msg | some found in certificate_lifetimes.deny with input as document}

warned(document) := {found.msg | some found in certificate_lifetimes.warn with input as document}

sound := {
	"ca": {"lifetime": 3650 * day, "renewBefore": 365 * day},
	"internal": {"lifetime": 730 * day, "renewBefore": 60 * day},
	"external": {"lifetime": 90 * day, "renewBefore": 30 * day},
	"other": {"lifetime": null, "renewBefore": 14 * day},
}

test_sound_lifetimes_pass if {
	denied(at(spring, sound)) == set()
	warned(at(spring, sound)) == set()
}

test_renewal_that_never_ends_is_denied if {
	found := denied(at(spring, {"internal": {"lifetime": 30 * day, "renewBefore": 30 * day}}))
	found == {"the internal certificate is good for 30 days and is to be renewed 30 days before its end: it would be renewed for ever"}
}

test_a_public_certificate_is_limited_by_the_day_it_is_asked_for if {
	year := {"external": {"lifetime": 365 * day, "renewBefore": 30 * day}}
	denied(at("2026-03-14T23:59:59Z", year)) == set()
	denied(at("2026-03-15T00:00:00Z", year)) == {"the external certificate asks for 365 days; public authorities issue at most 200 since 2026-03-15"}
	denied(at("2030-01-01T00:00:00Z", year)) == {"the external certificate asks for 365 days; public authorities issue at most 47 since 2029-03-15"}
}

test_an_internal_certificate_is_not_limited if {
	denied(at(spring, {"internal": {"lifetime": 3650 * day, "renewBefore": 60 * day}})) == set()
}

test_the_next_limit_is_announced if {
	half := {"external": {"lifetime": 180 * day, "renewBefore": 30 * day}}
	warned(at(spring, half)) == {"the external certificate asks for 180 days; from 2027-03-15 public authorities issue at most 100"}
	warned(at("2030-01-01T00:00:00Z", {"external": {"lifetime": 40 * day, "renewBefore": 10 * day}})) == set()
}

test_renewal_that_is_early_or_late_is_warned_of if {
	count(warned(at(spring, {"internal": {"lifetime": 100 * day, "renewBefore": 60 * day}}))) == 1
	warned(at(spring, {"internal": {"lifetime": 100 * day, "renewBefore": 3 * day}})) == {"the internal certificate is renewed 3 days before its end: a closed window or a long weekend may be longer"}
}

test_lifetimes_need_not_be_whole_days if {
	found := denied(at(spring, {"internal": {"lifetime": 100000, "renewBefore": 200000}}))
	found == {"the internal certificate is good for 1 days and is to be renewed 2 days before its end: it would be renewed for ever"}
}
