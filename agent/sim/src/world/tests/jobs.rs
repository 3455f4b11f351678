//! Jobs: their course, their failure, their end.

use super::*;
use crate::world::{Fault, JobKind};

fn jobs(b: &mut Bench) -> Vec<(u64, u64)> {
    let number = |o: &Object, p: &str| o.instance.unsigned(p).unwrap().unwrap();
    b.all(&V2, "CIM_ConcreteJob").iter().map(|o| (number(o, "JobState"), number(o, "PercentComplete"))).collect()
}

#[test]
fn a_job_proceeds_ends_and_vanishes_after_five_minutes() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    b.ask(&vm, 2);
    assert_eq!(jobs(&mut b), [(4, 0)], "unfinished jobs can be enumerated");
    b.wait(1);
    assert_eq!(jobs(&mut b), [(4, 50)]);
    b.wait(1);
    assert_eq!(jobs(&mut b), [(7, 100)]);
    b.wait(299);
    assert_eq!(jobs(&mut b).len(), 1);
    b.wait(1);
    assert_eq!(jobs(&mut b), []);
}

#[test]
fn the_effect_comes_with_the_end_of_the_job() {
    let mut b = Bench::new();
    let output = b.create_disk("D:\\new.vhdx", "D:\\Images\\calls.vhdx");
    assert_eq!(output.return_value, 4096);
    let files = |b: &mut Bench| b.all(&Namespace::CIMV2, "CIM_DataFile").len();
    assert_eq!(files(&mut b), 3);
    b.done(&output);
    assert_eq!(files(&mut b), 4);
    assert_eq!(b.all(&V2, "Msvm_StorageJob").len(), 1);
    assert_eq!(b.all(&V2, "Msvm_ConcreteJob").len(), 0, "disk work has a class of its own");
}

#[test]
fn a_planned_failure_hits_the_next_job_of_its_kind_once_and_leaves_nothing() {
    let mut b = Bench::new();
    let host = HostName::new("hv-1");
    let fault = Fault::JobFails { host, kind: JobKind::DefineSystem, message: "no luck".to_owned() };
    b.world.apply(fault).expect("it fits");
    let settings = class("Msvm_VirtualSystemSettingData").with("ElementName", "web");
    let define = |b: &mut Bench| b.vsms("DefineSystem", class("in").with("SystemSettings", settings.clone()));
    let output = define(&mut b);
    assert_eq!(b.finish(&output), 10);
    let job = b.all(&V2, "Msvm_ConcreteJob").pop().expect("a job");
    assert_eq!(job.instance.text("ErrorDescription").unwrap(), Some("no luck"));
    assert_eq!(job.instance.unsigned("ErrorCode").unwrap(), Some(32768));
    let errors = b.invoke(&job.path, "GetErrorEx", class("in"));
    assert_eq!(errors.out.get("Errors").elements().len(), 1);
    assert!(b.all(&V2, "Msvm_ComputerSystem").iter().all(|o| o.instance.text("ElementName").unwrap() != Some("web")));
    assert_eq!(define(&mut b).return_value, 0);
}

#[test]
fn a_killed_job_has_no_effect() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    b.ask(&vm, 2);
    let job = b.all(&V2, "Msvm_ConcreteJob").pop().expect("a job").path;
    assert_eq!(b.invoke(&job, "KillJob", class("in").with("DeleteOnKill", false)).return_value, 32770, "Hyper-V has it declared only");
    let kill = class("in").with("RequestedState", 5u16);
    assert_eq!(b.invoke(&job, "RequestStateChange", kill.clone()).return_value, 0);
    assert_eq!((b.state(&vm), jobs(&mut b)), (3, vec![(9, 100)]));
    b.wait(10);
    assert_eq!(b.state(&vm), 3);
    assert_eq!(b.invoke(&job, "RequestStateChange", kill).return_value, 32775, "it has ended");
}

#[test]
fn a_job_knows_what_it_works_on() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    b.ask(&vm, 2);
    let at = b.at.clone();
    let links = b.world.machine_mut(&at).expect("it runs").associations(&V2, &vm).expect("it is there");
    assert!(links.iter().any(|a| a.class == "Msvm_AffectedJobElement" && a.other.class() == "Msvm_ConcreteJob"));
}

#[test]
fn one_long_step_of_time_is_many_short_ones() {
    let course = |step: i64| {
        let mut b = Bench::new();
        let corpnet = b.switch("Corpnet");
        let vm = b.appliance("web", "calls", &corpnet);
        b.ask(&vm, 2);
        for _ in 0..600 / step {
            b.wait(step);
        }
        serde_json::to_string(&b.world).expect("it is plain data")
    };
    assert_eq!(course(1), course(600));
}

#[test]
fn a_jobs_type_tells_what_it_does() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let of_last = |b: &mut Bench| b.all(&V2, "CIM_ConcreteJob").pop().expect("a job").instance.unsigned("JobType").unwrap();
    for (requested, job_type) in [(2, 12), (9, 26), (2, 27), (6, 14), (2, 15), (3, 13)] {
        let output = b.ask(&vm, requested);
        b.wait(5);
        assert_eq!(of_last(&mut b), Some(job_type));
        b.done(&output);
    }
    let output = b.vsms("DestroySystem", class("in").with("AffectedSystem", vm));
    assert_eq!(of_last(&mut b), Some(3));
    b.done(&output);
}

#[test]
fn terminating_a_job_ends_it_otherwise_than_killing_and_not_every_job_lets_itself() {
    let mut b = Bench::new();
    let output = b.create_disk("D:\\new.vhdx", "D:\\Images\\calls.vhdx");
    let job = b.all(&V2, "Msvm_StorageJob").pop().expect("a job").path;
    assert_eq!(b.invoke(&job, "RequestStateChange", class("in").with("RequestedState", 3u16)).return_value, 32773);
    assert_eq!(b.invoke(&job, "RequestStateChange", class("in").with("RequestedState", 4u16)).return_value, 0);
    assert_eq!((b.finish(&output), b.all(&Namespace::CIMV2, "CIM_DataFile").len()), (8, 3));
    let vm = b.define("web", 2);
    b.vsms("DestroySystem", class("in").with("AffectedSystem", vm));
    let job = b.all(&V2, "Msvm_ConcreteJob").pop().expect("a job");
    assert_eq!(job.instance.boolean("Cancellable").unwrap(), Some(false));
    assert_eq!(b.invoke(&job.path, "RequestStateChange", class("in").with("RequestedState", 4u16)).return_value, 32775);
}
