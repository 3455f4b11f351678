"""Drives a simulated host with pywinrm's transport: headers and encodings of another author than pypsrp's.

Usage: soap.py HTTP_PORT HTTPS_PORT USER PASSWORD WAY. Prints one line per fact. WAY is http or https, and ntlm or basic.
pywinrm knows shells only; what is used here is its header builder, its transport and its fault parser.
"""

import sys
import uuid
import warnings
import xml.etree.ElementTree as ET

warnings.simplefilter("ignore")
import xmltodict
from winrm.exceptions import InvalidCredentialsError, WSManFaultError
from winrm.protocol import Protocol

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"


def protocol(endpoint, auth, user, password):
    # Sealed over HTTP, plain inside TLS: that is what "auto" means.
    return Protocol(endpoint=endpoint, transport=auth, username=user, password=password, server_cert_validation="ignore",
                    message_encryption="auto")


def send(client, resource_uri, action, body):
    header = client.build_wsman_header(action=action, resource_uri=resource_uri, message_id=uuid.uuid4())
    header["env:Body"] = body
    return ET.fromstring(client.send_message(xmltodict.unparse({"env:Envelope": header})))


def main():
    http, https, user, password, way = sys.argv[1:6]
    scheme, auth = way.split("-")
    endpoint = "%s://127.0.0.1:%s/wsman" % (scheme, https if scheme == "https" else http)
    client = protocol(endpoint, auth, user, password)
    body = {"n:Enumerate": {"w:OptimizeEnumeration": None, "w:MaxElements": "32000", "w:Filter": {
        "@Dialect": "http://schemas.microsoft.com/wbem/wsman/1/WQL", "#text": "SELECT * FROM Win32_ComputerSystem"}}}
    root = send(client, WMI + "root/cimv2/*", ENUMERATION + "/Enumerate", body)
    names = [e.text for e in root.iter("{%sroot/cimv2/Win32_ComputerSystem}DNSHostName" % WMI)]
    print("host", *names)
    try:
        send(client, WMI + "root/cimv2/Win32_NoSuchClass", ENUMERATION + "/Enumerate", {"n:Enumerate": None})
        print("fault none")
    except WSManFaultError as fault:
        print("fault", "unknown class", bool(fault.code or fault.wmierror_code))
    except Exception as other:
        print("fault", type(other).__name__)
    try:
        send(protocol(endpoint, auth, user, password + "x"), WMI + "root/cimv2/*", ENUMERATION + "/Enumerate", body)
        print("wrong password accepted")
    except InvalidCredentialsError:
        print("wrong password refused")


main()
