# Certificates are renewed in time, and no public authority is asked for more than it may give.
package trunkline.certificate_lifetimes

day := 86400

# What public authorities may issue at most, from which day on (CA/Browser Forum, ballot SC-081v3). RFC 3339 in UTC compares as text.
public_limits := [
	{"from": "2020-09-01T00:00:00Z", "days": 398},
	{"from": "2026-03-15T00:00:00Z", "days": 200},
	{"from": "2027-03-15T00:00:00Z", "days": 100},
	{"from": "2029-03-15T00:00:00Z", "days": 47},
]

# Certificates that callers outside see come from a public authority.
public := {"external"}

deny contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	some name, wish in certificates
	wish.renewBefore >= wish.lifetime
	msg := sprintf("the %s certificate is good for %d days and is to be renewed %d days before its end: it would be renewed for ever", [name, days(wish.lifetime), days(wish.renewBefore)])
	hint := "renew when about a third of the lifetime is left"
}

deny contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	some name, wish in certificates
	name in public
	wish.lifetime > limit.days * day
	msg := sprintf("the %s certificate asks for %d days; public authorities issue at most %d since %s", [name, days(wish.lifetime), limit.days, substring(limit.from, 0, 10)])
	hint := sprintf("ask for %d days or fewer", [limit.days])
}

warn contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	some name, wish in certificates
	wish.renewBefore < wish.lifetime
	wish.renewBefore * 2 > wish.lifetime
	msg := sprintf("the %s certificate is renewed after less than half of its %d days", [name, days(wish.lifetime)])
	hint := "renew when about a third of the lifetime is left"
}

warn contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	some name, wish in certificates
	wish.renewBefore < wish.lifetime
	wish.renewBefore < 7 * day
	wish.lifetime >= 30 * day
	msg := sprintf("the %s certificate is renewed %d days before its end: a closed window or a long weekend may be longer", [name, days(wish.renewBefore)])
	hint := "leave at least a week"
}

# The next limit is announced while there is time to change.
warn contains {"msg": msg, "appliance": appliance, "hint": hint} if {
	some name, wish in certificates
	name in public
	wish.lifetime <= limit.days * day
	wish.lifetime > next_limit.days * day
	msg := sprintf("the %s certificate asks for %d days; from %s public authorities issue at most %d", [name, days(wish.lifetime), substring(next_limit.from, 0, 10), next_limit.days])
	hint := sprintf("ask for %d days before then, and renew that much more often", [next_limit.days])
}

days(seconds) := floor(seconds / day)

appliance := input.desired.appliance

# Kinds without a lifetime of their own take what the authority gives.
certificates[name] := wish if {
	some name, wish in input.desired.certificates
	wish.lifetime != null
}

in_force := [entry | some entry in public_limits; entry.from <= input.now]

limit := in_force[count(in_force) - 1]

next_limit := [entry | some entry in public_limits; entry.from > input.now][0]
