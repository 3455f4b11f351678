"""Asks what the agent asked, by a client that nobody of ours wrote. Whoever starts it measures what that costs.

Usage: bench.py CLIENT REQUESTS. CLIENT is pypsrp or pywinrm; REQUESTS is a JSON list, in which each request has url, user, password,
auth (basic or negotiate), action, resource, selectors, body (in XML), envelope, and whether the agent was refused. An empty list shows
what starting costs. pypsrp writes its envelopes itself; pywinrm, whose builder knows shells only, posts the agent's own. Both keep their
connections, ask for further pages as they come, and make a dictionary of every instance or output; neither verifies certificates, which
the agent does. Prints how many answers and instances came.
"""

import json
import sys
import warnings
import xml.etree.ElementTree as ET

warnings.simplefilter("ignore")

ENUMERATION = "{http://schemas.xmlsoap.org/ws/2004/09/enumeration}"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def instances(body):
    """What the body of an answer holds."""
    found = [item for each in body.iter() if local(each) == "Items" for item in each]
    found += [each for each in body if local(each).endswith("_OUTPUT")]
    return [{local(child): list(child.itertext()) for child in item} for item in found]


def rest(body):
    """By which context the next page is asked for; None when there is none."""
    context = next(body.iter(ENUMERATION + "EnumerationContext"), None)
    ended = any(local(each) == "EndOfSequence" for each in body.iter())
    return None if context is None or ended else context.text


def pulling(request, context):
    """The request for the next page."""
    action = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull"
    pull = "<n:Pull><n:EnumerationContext>%s</n:EnumerationContext><n:MaxElements>512</n:MaxElements></n:Pull>" % context
    body = '<s:Body xmlns:s="%s" xmlns:n="%s">%s</s:Body>' % (SOAP[1:-1], ENUMERATION[1:-1], pull)
    head = request["envelope"].replace(request["action"], action).split("<s:Body>")[0]
    return dict(request, action=action, body=body, envelope="%s<s:Body>%s</s:Body></s:Envelope>" % (head, pull))


def everything(ask, request):
    if request["refused"]:
        # The agent asked for something that is not there; its question is one of the site's, too.
        try:
            ask(request)
        except Exception:
            return []
        raise SystemExit("what the agent was refused was answered")
    body = ask(request)
    found = instances(body)
    while context := rest(body):
        body = ask(pulling(request, context))
        found += instances(body)
    return found


def pypsrp():
    from pypsrp.wsman import SelectorSet, WSMan

    clients = {}

    def ask(request):
        key = (request["url"], request["user"])
        if key not in clients:
            scheme, rest = request["url"].split("://")
            host, port = rest.split("/")[0].rsplit(":", 1)
            clients[key] = WSMan(host, port=int(port), username=request["user"], password=request["password"], ssl=scheme == "https",
                                 auth=request["auth"], cert_validation=False)
        selectors = SelectorSet()
        for name, value in request["selectors"].items():
            selectors.add_option(name, value)
        answer = clients[key].invoke(request["action"], request["resource"], ET.fromstring(request["body"])[0], selector_set=selectors)
        return answer.find(SOAP + "Body")

    return ask


def pywinrm():
    from winrm.protocol import Protocol

    clients = {}

    def ask(request):
        key = (request["url"], request["user"])
        if key not in clients:
            transport = "ntlm" if request["auth"] == "negotiate" else request["auth"]
            clients[key] = Protocol(endpoint=request["url"], transport=transport, username=request["user"], password=request["password"],
                                    server_cert_validation="ignore", message_encryption="auto")
        answer = ET.fromstring(clients[key].transport.send_message(request["envelope"]))
        return answer.find(SOAP + "Body")

    return ask


def main():
    client, requests = sys.argv[1:3]
    ask = {"pypsrp": pypsrp, "pywinrm": pywinrm}[client]()
    with open(requests) as file:
        requests = json.load(file)
    found = [everything(ask, request) for request in requests]
    print(len(found), sum(len(each) for each in found))


main()
