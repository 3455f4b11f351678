//! Who may log on where, and under which names.
//!
//! Guarantees: an account is found under every name that Windows finds it under (`user`, `.\user`, `COMPUTER\user`; in a domain also
//! `NETBIOS\user`, `domain\user`, `user@domain`), and under no other; a locked one is nobody.

use std::fmt;

use crate::image::{Account, Rights};
use crate::windows::Windows;
use crate::windows::domain::{Domain, Membership};
use crate::windows::winrm::Winrm;
use crate::world::{MachineId, World};

/// An account under one of its names. `Debug` never shows the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The name, as a client sends it.
    pub(crate) user: String,
    /// The realm that a client sends with it; empty for none.
    pub(crate) domain: String,
    /// The account's password.
    pub(crate) password: String,
    /// Whose account it is.
    pub(crate) realm: Realm,
    /// Who that is.
    pub(crate) caller: Caller,
}

/// Somebody who has logged on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// `REALM\user`, the same for each name of the account.
    pub(crate) account: String,
    /// What the account may do.
    pub(crate) rights: Rights,
}

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Realm {
    /// The machine's own; of a directory, its domain's too.
    Local,
    /// That of the domain which the machine is a member of.
    Domain,
}

impl Principal {
    /// Whether `user` of `domain` is this name.
    pub(crate) fn is_called(&self, user: &str, domain: &str) -> bool {
        self.user.eq_ignore_ascii_case(user) && self.domain.eq_ignore_ascii_case(domain)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("user", &self.user).field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl World {
    /// The configuration of the machine's WS-Management service.
    pub(crate) fn winrm(&self, id: &MachineId) -> Option<&Winrm> {
        self.windows_at(id).map(|windows| &windows.winrm)
    }

    /// The machine's computer name.
    pub(crate) fn computer_name(&self, id: &MachineId) -> Option<&str> {
        self.windows_at(id).map(|windows| windows.computer_name.as_str())
    }

    /// Every account that the machine lets in at this moment, once for each of its names.
    pub(crate) fn principals(&self, id: &MachineId) -> Vec<Principal> {
        let Some(windows) = self.windows_at(id) else { return Vec::new() };
        let locked = |principal: &Principal| windows.failures.locks(&principal.caller.account, &windows.winrm.lockout, self.now);
        let own = windows.accounts.iter().flat_map(|account| local(account, &windows.computer_name));
        let hosted = windows.hosts_domain.iter().flat_map(|domain| of_domain(domain, Realm::Local));
        let joined = self.domain_of(id, windows);
        let joined = joined.iter().flat_map(|domain| of_domain(domain, Realm::Domain));
        own.chain(hosted).chain(joined).filter(|principal| !locked(principal)).collect()
    }

    /// Whether the machine lets `user` (`user`, `REALM\user` or `user@realm`) in by password alone.
    #[must_use]
    pub fn accepts(&self, id: &MachineId, user: &str, password: &str) -> bool {
        self.basic(id, user).is_some_and(|found| found.iter().any(|principal| principal.password == password))
    }

    /// The accounts that Basic means by `user`; `None` when there is none. It knows the machine's own accounts only.
    pub(crate) fn basic(&self, id: &MachineId, user: &str) -> Option<Vec<Principal>> {
        let (domain, name) = user.split_once('\\').unwrap_or(("", user));
        let mut found = self.principals(id);
        found.retain(|principal| principal.realm == Realm::Local && principal.is_called(name, domain));
        Some(found).filter(|found| !found.is_empty())
    }

    /// A wrong password for `account`, as `Caller` writes it.
    pub(crate) fn logon_failed(&mut self, id: &MachineId, account: &str) {
        let now = self.now;
        if let Some(windows) = self.windows_at_mut(id) {
            windows.failures.count(account, &windows.winrm.lockout, now);
        }
    }

    /// The right password for `account`.
    pub(crate) fn logon_succeeded(&mut self, id: &MachineId, account: &str) {
        if let Some(windows) = self.windows_at_mut(id) {
            windows.failures.forget(account);
        }
    }

    fn windows_at(&self, id: &MachineId) -> Option<&Windows> {
        match id {
            MachineId::Host(name) => self.hosts.get(name).filter(|host| host.is_up()).map(|host| &host.windows),
            MachineId::Guest { host, vm } => {
                let host = self.hosts.get(host)?;
                host.running_guest(host.machine(vm)?).map(|guest| &guest.windows)
            }
        }
    }

    fn windows_at_mut(&mut self, id: &MachineId) -> Option<&mut Windows> {
        match id {
            MachineId::Host(name) => self.hosts.get_mut(name).map(|host| &mut host.windows),
            MachineId::Guest { host, vm } => self.hosts.get_mut(host)?.guest_mut(vm).map(|guest| &mut guest.windows),
        }
    }

    /// The domain that a member's logons are passed to, while it can be reached.
    fn domain_of(&self, id: &MachineId, windows: &Windows) -> Option<Domain> {
        let (MachineId::Guest { host, vm }, Membership::Domain(name)) = (id, &windows.membership) else { return None };
        self.domain_reached_from(host, vm).filter(|domain| domain.is_called(name))
    }
}

fn local<'a>(account: &'a Account, computer: &'a str) -> impl Iterator<Item = Principal> + 'a {
    let caller = Caller { account: format!("{computer}\\{}", account.user), rights: account.rights };
    ["", ".", computer].into_iter().map(move |domain| Principal {
        user: account.user.clone(),
        domain: domain.to_owned(),
        password: account.password.clone(),
        realm: Realm::Local,
        caller: caller.clone(),
    })
}

fn of_domain(domain: &Domain, realm: Realm) -> impl Iterator<Item = Principal> + '_ {
    domain.accounts.iter().flat_map(move |account| {
        let caller = Caller { account: format!("{}\\{}", domain.netbios, account.user), rights: account.rights };
        let principal = format!("{}@{}", account.user, domain.name);
        let mut names = vec![(account.user.clone(), domain.netbios.clone()), (account.user.clone(), domain.name.clone())];
        names.push((principal, String::new()));
        if realm == Realm::Local {
            // A directory has no other accounts, so there a bare name means the domain's.
            names.push((account.user.clone(), String::new()));
        }
        names.into_iter().map(move |(user, domain)| Principal {
            user,
            domain,
            password: account.password.clone(),
            realm,
            caller: caller.clone(),
        })
    })
}
