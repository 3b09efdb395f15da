"""The talk: one XMPP user and two SIP users, one who reads message/cpim and one who reads bare text; each message is shown as it crossed."""

import re
import subprocess

from harness.baresip import Baresip
from reader import CpimReader

JULIET, JULIET_URI = "juliet@xmpp.test", "sip:juliet@xmpp.test"
SHOWN = ("From", "To", "Call-ID", "Subject", "Content-Language", "User-Agent", "Content-Type")
TRACED = re.compile(r"\x1b\[36;1m#\n\S+ [\d.:]+ -> [\d.:]+\n(MESSAGE .*?)\x1b\[;m\n", re.DOTALL)


class TracedBaresip(Baresip):
    """It prints the SIP messages that it sends and takes."""

    def command(self):
        return ["baresip", "-s", "-f", self.folder]

    def last_message(self):
        """The MESSAGE that it sent or took last, as it stood on the wire."""
        return TRACED.findall(self.log_text())[-1]


def talk(juliet, mercutio, romeo):
    """Fails with an AssertionError unless each word arrives in the form that its reader can read."""
    writes_object(juliet, mercutio)
    gets_object(juliet, mercutio)
    gets_text(juliet, romeo)
    writes_text(juliet, romeo)


def writes_object(juliet, mercutio):
    """The first message shows the gateway that mercutio's client reads objects."""
    text = "Nay, gentle Juliet, we must have you dance."
    thread = ["Subject: The feast", "Subject:;lang=it La festa", "NS: stox <urn:stox:cpim:0>", "stox.Thread: feast"]
    request = mercutio.writes(text, to=JULIET_URI, more=thread)
    heard = juliet.hears(text, sender="mercutio@sip.xmpp.test")
    assert heard.thread == "feast" and len(heard.find_all("{jabber:client}subject")) == 2, heard
    show("mercutio -> juliet: a message/cpim object comes in, a stanza goes out", sip(request.to_bytes().decode()), str(heard))


def gets_object(juliet, mercutio):
    stanza = said("mercutio@sip.xmpp.test", "q1", "Not I, believe me.")
    juliet.sends_raw(stanza)
    request, thing = mercutio.reads("Not I, believe me.")
    subjects = [value for name, _, value in thing.headers if name == "Subject"]
    assert subjects == ["The feast", "La festa"] and thing.get("stox.Thread") == "feast", request
    show("juliet -> mercutio: the object carries all of it", stanza, sip(request.raw.decode()))


def gets_text(juliet, romeo):
    stanza = said("romeo@sip.xmpp.test", "q2", "Art thou not Romeo, and a Montague?")
    juliet.sends_raw(stanza)
    romeo.hears("Art thou not Romeo, and a Montague?", sender=JULIET_URI)
    request = romeo.last_message()
    assert "message/cpim" not in request, request
    show("juliet -> romeo: the same, in bare text, as baresip reads nothing else", stanza, sip(request))


def writes_text(juliet, romeo):
    text = "Neither, fair saint, if either thee dislike."
    romeo.says(text, to=JULIET_URI)
    heard = juliet.hears(text, sender="romeo@sip.xmpp.test", within=10)
    show("romeo -> juliet: bare text comes in, a stanza goes out", sip(romeo.last_message()), str(heard))


def see(juliet, romeo):
    juliet.is_told("subscribe", "romeo@sip.xmpp.test", within=10)
    say("romeo's phone asks to see juliet (SUBSCRIBE), and juliet lets it")
    juliet.tells("subscribed", to="romeo@sip.xmpp.test")
    romeo.sees(JULIET_URI, "Online")
    say(f'  romeo sees {JULIET_URI}: "Online"')
    romeo.shows("online")
    juliet.tells("subscribe", to="romeo@sip.xmpp.test")
    juliet.is_told("subscribed", "romeo@sip.xmpp.test", within=10)
    say(f"  juliet sees {juliet.sees('romeo@sip.xmpp.test', within=10).sender}")


def explain(stox):
    """What the gateway knows of the two by now, as its operator sees it."""
    for user in ("mercutio", "romeo"):
        asked = [stox.command()[0], "explain", f"{user}@sip.xmpp.test", "--config", stox.config_path]
        answer = subprocess.run(asked, cwd=stox.folder, capture_output=True, text=True, timeout=20, check=True).stdout
        known = answer.split("as a target of messages: ")[1].splitlines()
        say(f"stox explain {user}@sip.xmpp.test: {known[0]}")
        for agent in known[1:]:
            say(f"  {agent.strip()}")


def said(to, id, text):
    """A message of juliet's with all that a thread, a language and two subjects add."""
    return (f"<message to='{to}' id='{id}' type='chat' xml:lang='en'><subject>The feast</subject>"
            f"<subject xml:lang='it'>La festa</subject><body>{text}</body><thread>feast</thread></message>")


def sip(message):
    """A SIP message without what only moves it along (Via, CSeq and the like)."""
    head, _, body = message.replace("\r\n", "\n").partition("\n\n")
    start, *fields = head.split("\n")
    shown = [field for field in fields if field.split(":")[0] in SHOWN]
    return "\n".join([start, *shown, "", *body.split("\n")])


def show(title, came_in, went_out):
    print(f"\n--- {title} ---")
    for message in (came_in, went_out):
        mark = "XMPP |" if message.startswith("<") else "SIP  |"
        print("\n".join(f"{mark} {line}".rstrip() for line in message.split("\n")), flush=True)


def say(line):
    print(f"quickstart: {line}", flush=True)
