"""Drives a simulated host with pypsrp's WSMan client: enumerate, get, invoke, follow a job.

Usage: cim.py HTTP_PORT HTTPS_PORT USER PASSWORD WAY VM_NAME. Prints one line per fact, which the test compares.
WAY is http or https, and negotiate (SPNEGO), ntlm or basic. Over HTTP everything is sealed; over HTTPS NTLM is bound to the TLS.
Nobody of ours wrote the client, so whatever it accepts is evidence about our answers.
"""

import sys
import time
import warnings
import xml.etree.ElementTree as ET

warnings.simplefilter("ignore")
from pypsrp.wsman import NAMESPACES, SelectorSet, WSMan
from pypsrp.exceptions import WSManFaultError

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
VIRT = WMI + "root/virtualization/v2/"
WSEN = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def query(client, namespace, wql):
    """Enumerate and pull until the end, as MS-WSMV has it."""
    body = ET.Element("{%s}Enumerate" % WSEN)
    ET.SubElement(body, "{%s}Filter" % W, Dialect=WQL).text = wql
    answer = client.enumerate(WMI + namespace + "/*", body)
    context = answer.find(".//{%s}EnumerationContext" % WSEN).text
    items = []
    while context:
        pull = ET.Element("{%s}Pull" % WSEN)
        ET.SubElement(pull, "{%s}EnumerationContext" % WSEN).text = context
        ET.SubElement(pull, "{%s}MaxElements" % WSEN).text = "10"
        answer = client.pull(WMI + namespace + "/*", pull)
        items.extend(answer.find(".//{%s}Items" % WSEN))
        found = answer.find(".//{%s}EnumerationContext" % WSEN)
        context = found.text if found is not None else None
    return [{local(child): child.text for child in item} for item in items]


def invoke(client, class_name, method, selectors, parameters):
    uri = VIRT + class_name
    body = ET.Element("{%s}%s_INPUT" % (uri, method))
    for name, value in parameters.items():
        ET.SubElement(body, "{%s}%s" % (uri, name)).text = value
    chosen = SelectorSet()
    for name, value in selectors.items():
        chosen.add_option(name, value)
    answer = client.invoke("%s/%s" % (uri, method), uri, body, selector_set=chosen)
    return answer.find(".//{%s}%s_OUTPUT" % (uri, method))


def main():
    http, https, user, password, way, vm_name = sys.argv[1:7]
    scheme, auth = way.split("-")
    port = int(https if scheme == "https" else http)

    def connect(password):
        return WSMan("127.0.0.1", port=port, username=user, password=password, ssl=scheme == "https", auth=auth, cert_validation=False)

    client = connect(password)
    (system,) = query(client, "root/cimv2", "SELECT * FROM Win32_OperatingSystem")
    print("version", system["Version"])
    vms = query(client, "root/virtualization/v2", "SELECT * FROM Msvm_ComputerSystem WHERE ElementName = '%s'" % vm_name)
    (vm,) = vms
    print("vm", vm["ElementName"], vm["EnabledState"])

    key = SelectorSet()
    key.add_option("CreationClassName", "Msvm_ComputerSystem")
    key.add_option("Name", vm["Name"])
    got = client.get(VIRT + "Msvm_ComputerSystem", selector_set=key)
    print("get", got.find(".//{%sMsvm_ComputerSystem}ElementName" % VIRT).text)

    output = invoke(client, "Msvm_ComputerSystem", "RequestStateChange",
                    {"CreationClassName": "Msvm_ComputerSystem", "Name": vm["Name"]}, {"RequestedState": "2"})
    result = {local(child): child for child in output}
    print("start", result["ReturnValue"].text)
    job = result["Job"].find(".//{%s}Selector[@Name='InstanceID']" % W).text
    state = None
    for _ in range(600):
        (found,) = query(client, "root/virtualization/v2", "SELECT * FROM Msvm_ConcreteJob WHERE InstanceID = '%s'" % job)
        state = found["JobState"]
        if state not in ("2", "3", "4"):
            break
        time.sleep(0.05)
    print("job", state)
    (vm,) = query(client, "root/virtualization/v2", "SELECT * FROM Msvm_ComputerSystem WHERE ElementName = '%s'" % vm_name)
    print("vm", vm["ElementName"], vm["EnabledState"])

    try:
        query(client, "root/cimv2", "SELEKT * FROM Win32_Service")
        print("fault none")
    except WSManFaultError as fault:
        print("fault", "query refused", bool(fault.code))
    try:
        missing = SelectorSet()
        missing.add_option("CreationClassName", "Msvm_ComputerSystem")
        missing.add_option("Name", "00000000-0000-0000-0000-000000000000")
        client.get(VIRT + "Msvm_ComputerSystem", selector_set=missing)
        print("missing found")
    except WSManFaultError as fault:
        print("missing", fault.code)
    try:
        query(connect(password + "x"), "root/cimv2", "SELECT * FROM Win32_OperatingSystem")
        print("wrong password accepted")
    except Exception as refused:
        print("wrong password", type(refused).__name__)


main()
