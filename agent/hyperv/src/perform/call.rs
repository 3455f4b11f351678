//! One method call with its end: at once, or as a job that is waited for.

use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::classes;
use crate::failure::Failure;
use crate::host::Host;
use crate::job::Unfinished;
use crate::peer::Peer;
use crate::return_code::{Family, JOB_STARTED, ReturnCode};
use crate::row::{Malformed, Row};

/// A call, with what it is made for in words. It has no `Debug`: a password may be among the input.
pub(crate) struct Call<'o> {
    pub(crate) target: CimPath,
    pub(crate) method: &'static str,
    pub(crate) object: &'o str,
    pub(crate) family: Family,
    pub(crate) input: Vec<(&'static str, CimValue)>,
}

impl<'o> Call<'o> {
    /// A call of one of Hyper-V's services, told by its class alone as libvirt does.
    pub(crate) fn service(class: &'static str, method: &'static str, object: &'o str) -> Self {
        let target = CimPath::class_of(Namespace::VIRTUALIZATION, class).with_key("CreationClassName", class);
        Self { target, method, object, family: Family::HyperV, input: Vec::new() }
    }

    /// A call of the service that defines and changes VMs.
    pub(crate) fn vms(method: &'static str, object: &'o str) -> Self {
        Self::service(classes::VM_SERVICE, method, object)
    }

    /// A call of an object's own method.
    pub(crate) fn on(target: CimPath, method: &'static str, object: &'o str, family: Family) -> Self {
        Self { target, method, object, family, input: Vec::new() }
    }

    /// The same with one more parameter.
    pub(crate) fn with(mut self, parameter: &'static str, value: impl Into<CimValue>) -> Self {
        self.input.push((parameter, value.into()));
        self
    }

    /// Sends it and tells the return value, whatever it is.
    pub(crate) async fn code(&self, peer: &Peer) -> Result<u32, Failure> {
        Ok(peer.invoke(&self.target, self.method, &self.input).await?.value)
    }

    /// Sends it to the host and waits for its end.
    pub(crate) async fn run(&self, host: &Host) -> Result<CimInstance, Failure> {
        let peer = host.peer();
        let answer = peer.invoke(&self.target, self.method, &self.input).await?;
        match answer.value {
            0 => Ok(answer.out),
            JOB_STARTED => {
                let missing = || Malformed::Missing { class: format!("{}_OUTPUT", self.method), property: "Job" };
                let job = peer.read(self.method, answer.out.path("Job").ok_or_else(missing))?;
                host.following().follow(peer, &job).await.map_err(|unfinished| match unfinished {
                    Unfinished::Talk(talk) => Failure::Talk(talk),
                    Unfinished::Failed(source) => {
                        Failure::Job { method: self.method, object: self.object.to_owned(), source: Box::new(source) }
                    }
                })?;
                Ok(answer.out)
            }
            value => Err(self.refused(value)),
        }
    }

    /// Its refusal with `value`.
    pub(crate) fn refused(&self, value: u32) -> Failure {
        let code = ReturnCode { family: self.family, value };
        Failure::Refused { method: self.method, object: self.object.to_owned(), code }
    }
}
