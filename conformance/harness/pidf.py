"""Presence documents (RFC 3863) as a story writes and reads them."""

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

MEDIA_TYPE = "application/pidf+xml"
PIDF = "{urn:ietf:params:xml:ns:pidf}"
PERSON = "{urn:ietf:params:xml:ns:pidf:data-model}person"
RPID = "{urn:ietf:params:xml:ns:pidf:rpid}"
SHOW = "{jabber:client}show"


@dataclass
class Tuple:
    """One device: what it is called, whether it is there, what it shows."""

    id: str
    basic: str = "open"
    show: str = None
    notes: tuple = ()
    priority: str = None

    def to_xml(self):
        show = f"<show xmlns='jabber:client'>{self.show}</show>" if self.show else ""
        notes = "".join(f"<note>{escape(note)}</note>" for note in self.notes)
        return f"<tuple id={quoteattr(self.id)}><status><basic>{self.basic}</basic>{show}</status>{notes}</tuple>"


def document(entity, *tuples, activity=None, note=None):
    """A whole document; `activity` is the name of an RPID activity of the person."""
    person = ""
    if activity:
        person = f"<dm:person id='p1'><rpid:activities><rpid:{activity}/></rpid:activities></dm:person>"
    words = f"<note>{escape(note)}</note>" if note else ""
    tuples = "".join(each.to_xml() for each in tuples)
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "
        f"xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' entity={quoteattr(entity)}>{tuples}{words}{person}</presence>"
    ).encode("utf-8")


def parse(octets):
    """The tuples of a document by their ids."""
    root = ElementTree.fromstring(octets)
    if root.tag != f"{PIDF}presence" or not root.get("entity"):
        raise AssertionError(f"no presence document: {octets!r}")
    found = {}
    for each in root.iter(f"{PIDF}tuple"):
        status = each.find(f"{PIDF}status")
        contact = each.find(f"{PIDF}contact")
        if status is None or each.get("id") in found:
            raise AssertionError(f"a tuple without status, or an id twice: {octets!r}")
        found[each.get("id")] = Tuple(
            id=each.get("id"), basic=status.findtext(f"{PIDF}basic"), show=status.findtext(SHOW),
            notes=tuple(note.text for note in each.findall(f"{PIDF}note")),
            priority=None if contact is None else contact.get("priority"))
    return found
