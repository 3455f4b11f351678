//! Methods: references, jobs and embedded instances.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_job_is_a_reference_and_its_absence_is_nil() {
    let mut bench = Bench::new();
    let start = Ask::invoke("Msvm_ComputerSystem", "RequestStateChange", "<c:RequestedState>2</c:RequestedState>");
    let answer = bench.good(&start.select(&vm_selectors()).text());
    insta::assert_snapshot!(body(&answer).replace("><", ">\n<"), @r##"
    <p:RequestStateChange_OUTPUT xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">
    <p:Job>
    <a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
    <a:ReferenceParameters>
    <w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ConcreteJob</w:ResourceURI>
    <w:SelectorSet>
    <w:Selector Name="InstanceID">4D90E3E9</w:Selector>
    </w:SelectorSet>
    </a:ReferenceParameters>
    </p:Job>
    <p:ReturnValue>4096</p:ReturnValue>
    </p:RequestStateChange_OUTPUT>
    "##);
    assert!(bench.machine.calls[0].contains("Unsigned(2)"), "{:?}", bench.machine.calls);
    let service = "Msvm_VirtualSystemManagementService";
    let answer = bench.good(
        &Ask::invoke(service, "DestroySystem", &reference(&format!("{MS}/Msvm_ComputerSystem")))
            .select(&[("CreationClassName", service)])
            .text(),
    );
    assert!(body(&answer).contains("<p:Job xsi:nil=\"true\"/><p:ReturnValue>0</p:ReturnValue></p:DestroySystem_OUTPUT>"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn an_embedded_instance_is_read_from_its_text() {
    let mut bench = Bench::new();
    let service = "Msvm_VirtualSystemManagementService";
    let instance = "&lt;INSTANCE CLASSNAME=\"Msvm_VirtualSystemSettingData\"&gt;&lt;PROPERTY NAME=\"ElementName\" TYPE=\"string\"&gt;&lt;VALUE&gt;vm&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;/INSTANCE&gt;";
    let define = Ask::invoke(service, "DefineSystem", &format!("<c:SystemSettings>{instance}</c:SystemSettings>"))
        .select(&[("CreationClassName", service)]);
    bench.good(&define.text());
    assert!(
        bench.machine.calls[0].contains("Instance(CimInstance { class: \"Msvm_VirtualSystemSettingData\""),
        "{:?}",
        bench.machine.calls
    );
}
