"""End-to-end encryption by programs that really encrypt: what is refused in plain words, and what crosses untouched."""

import base64
import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

from harness import cpim, pidf
from harness.omemo_people import OmemoPerson
from harness.openpgp import OpenPgp, bare
from harness.smime import SmimePerson

E2E = "urn:ietf:params:xml:ns:xmpp-e2e"
SECRET = "the-marked-clear-text"
FALLBACK = f"<body>This message is encrypted. {SECRET}</body><store xmlns='urn:xmpp:hints'/>"
PRESENCE = b"Content-Type: application/pidf+xml\r\n\r\n"
OBJECTS = [("Accept", "multipart/signed, application/pkcs7-mime")]
HOSTILE = "]]> <![CDATA[ &amp; trailing spaces  \r\n\t\r\n \U0001F511 é\r\n-- \r\n.\r\nend"


@pytest.fixture
def refused(juliet, romeo, town):
    """Sends children in a message; juliet gets one error that names the scheme, and romeo gets nothing."""
    def check(children, scheme, title, lang="en"):
        juliet.sends_raw(f"<message to='romeo@sip.xmpp.test' type='chat' id='e' xml:lang='{lang}'>{children}"
                         "<request xmlns='urn:xmpp:receipts'/></message>")
        stanza = juliet.gets_error("e", "not-acceptable", "modify")
        assert title in stanza.error.text
        own = stanza.find("{jabber:client}error").find("{urn:stox:encryption:0}untranslatable-encryption")
        assert own.get("scheme") == scheme
        juliet.says("in the clear", to="romeo@sip.xmpp.test")
        romeo.hears("in the clear")
        assert juliet.unheard() == [] and romeo.unheard() == []
        return stanza
    yield check
    everything_written_lacks(SECRET, town, juliet, romeo)


def everything_written_lacks(secret, town, juliet, romeo):
    """Neither on the wires nor in the logs of the gateway."""
    written = [str(stanza) for stanza in juliet.received]
    written += [request.raw.decode("latin-1") for request in romeo.received]
    written += [town.stox.log_text(), str(town.stox.status())]
    assert not any(secret in text for text in written)


@pytest.mark.parametrize("kind", ["axolotl", "2"])
def test_omemo(refused, juliet, romeo, town, kind):
    """Two clients with a session; one of them stands behind the gateway, as far as the other can know."""
    published = {}
    juliet_keys = OmemoPerson("juliet@xmpp.test", kind, published)
    romeo_keys = OmemoPerson("romeo@sip.xmpp.test", kind, published)
    encrypted = juliet_keys.encrypts(SECRET, romeo_keys.jid)
    assert romeo_keys.decrypts(ElementTree.fromstring(encrypted), juliet_keys.jid) == SECRET

    mark = f"<encryption xmlns='urn:xmpp:eme:0' namespace='{ElementTree.fromstring(encrypted).tag[1:].split('}')[0]}'/>"
    refused(f"{encrypted}{mark}{FALLBACK}", f"omemo:{kind}", "OMEMO")
    refused(f"{encrypted}{FALLBACK}", f"omemo:{kind}", "Verschlüsselung", lang="de")

    alone = juliet_keys.makes_keys_alone(romeo_keys.jid)
    juliet.sends_raw(f"<message to='romeo@sip.xmpp.test' id='k'>{alone}{mark}{FALLBACK}</message>")
    juliet.says("after the keys", to="romeo@sip.xmpp.test")
    romeo.hears("after the keys")
    assert juliet.unheard() == []
    counts = {(met["scheme"], met["decision"]): met["count"] for met in town.stox.status()["encryption"]}
    assert counts[f"omemo:{kind}", "refused"] >= 2 and counts[f"omemo:{kind}", "ignored"] >= 1


def test_openpgp(refused, juliet, romeo, town):
    with OpenPgp() as gpg:
        content = (f"<signcrypt xmlns='urn:xmpp:openpgp:0'><payload><body xmlns='jabber:client'>{SECRET}</body>"
                   "</payload></signcrypt>")
        refused(f"<openpgp xmlns='urn:xmpp:openpgp:0'>{bare(gpg.encrypts(content))}</openpgp>{FALLBACK}",
                "openpgp:0", "OpenPGP")
        refused(f"<x xmlns='jabber:x:encrypted'>{bare(gpg.encrypts(SECRET))}</x>{FALLBACK}", "openpgp", "OpenPGP")

        signature = bare(gpg.signs("I signed this"))
        juliet.sends_raw("<message to='romeo@sip.xmpp.test'><body>I signed this</body>"
                         f"<x xmlns='jabber:x:signed'>{signature}</x></message>")
        assert signature[:40].encode() not in romeo.hears("I signed this").raw

        armour = gpg.encrypts(SECRET)
        juliet.says(armour, to="romeo@sip.xmpp.test")
        romeo.hears(armour)
        romeo.says(armour, to="juliet@xmpp.test")
        juliet.hears(armour)
    last = town.stox.status()["encryption_refused"]
    assert last and {"scheme", "direction", "from", "to", "id", "unix", "place"} <= set(last[-1])
    town.stox.complains("end-to-end encryption", "openpgp", "refused")


def test_what_else_clients_send(refused):
    refused("<body>?OTR:AAMDJ+MVmSfjFZcAAAAAAQAAAAIAAADA1g5I.</body>", "otr", "OTR")
    refused(f"<encryption xmlns='urn:xmpp:eme:0' namespace='urn:example:new' name='Enigma'/>{FALLBACK}", "other", "Enigma")
    refused(f"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><encrypted xmlns='urn:xmpp:omemo:2'>"
            f"<payload>cA==</payload></encrypted></message></forwarded>{FALLBACK}", "omemo:2", "OMEMO")


def says_octets(romeo, body, content_type, expect, to="juliet@xmpp.test"):
    transaction = romeo.begin(romeo.make("MESSAGE", to, body=body, content_type=content_type))
    final = transaction.wait(10)
    assert final.status == expect, str(final)
    return final


def test_sip_clients_that_encrypt(juliet, romeo, town, tmp_path):
    """The types that linphone writes for LIME, RCS clients for MLS, and S/MIME where its addresses do not hold."""
    sealed = SmimePerson(tmp_path, "romeo", "sip:romeo@sip.test")
    der = sealed.encrypts(SECRET.encode(), sealed)
    lime = (b"--b\r\nContent-Type: message/sipfrag\r\n\r\nFrom: <sip:romeo@sip.test>\r\n--b\r\n"
            b"Content-Type: application/lime\r\nContent-Id: <juliet>\r\n\r\nAAAA\r\n--b\r\n"
            b"Content-Type: application/octet-stream\r\nContent-Description: Cipher Message\r\n\r\nBBBB\r\n--b--\r\n")
    for body, content_type, word in [
            (lime, 'multipart/encrypted;protocol="application/lime";boundary=b', "LIME"),
            (b"\0\1", "message/mls", "MLS"),
            (b"\0\1", "application/vnd.google.rcs.encrypted", "RCS"),
            (der, "application/pkcs7-mime;smime-type=enveloped-data", "S/MIME")]:
        final = says_octets(romeo, body, content_type, 415)
        assert word in final["Warning"] and "text/plain" in final["Accept"]
    assert "OTR" in says_octets(romeo, b"?OTRv23? Romeo invites you", "text/plain", 488)["Warning"]
    romeo.says("in the clear", to="juliet@xmpp.test")
    juliet.hears("in the clear")
    assert juliet.unheard() == []
    everything_written_lacks(SECRET, town, juliet, romeo)


class TestWhereSmimeCrosses:
    """Every address is the same on both sides, so an object crosses, and a certificate holds."""

    @pytest.fixture
    def town(self, verona_identity):
        return verona_identity

    @pytest.fixture
    def juliet_keys(self, tmp_path):
        return SmimePerson(tmp_path, "juliet", "sip:juliet@xmpp.test")

    @pytest.fixture
    def romeo_keys(self, tmp_path):
        return SmimePerson(tmp_path, "romeo", "sip:romeo@sip.test")

    @staticmethod
    def juliet_sends(juliet, content_type, text, in_cdata=False):
        """An object as a client writes it into XML: line feeds, and what XML cannot hold in base64."""
        whole = f"Content-Type: {content_type}\n{text}".replace("\r\n", "\n")
        section = "<![CDATA[" + whole.replace("]]>", "]]]]><![CDATA[>") + "]]>"
        inner = f"\n  {section}\n" if in_cdata else escape(whole)
        juliet.sends_raw(f"<message to='romeo@sip.test' id='s'><e2e xmlns='{E2E}'>{inner}</e2e>"
                         f"<body>{SECRET}</body></message>")

    @staticmethod
    def object_of(stanza):
        """Header fields and body of the object that came, line ends as SIP had them."""
        assert stanza.body is None and stanza.subject is None
        text = stanza.find(f"{{{E2E}}}e2e").text.replace("\r\n", "\n")
        head, _, body = text.partition("\n\n")
        fields = dict(line.split(": ", 1) for line in head.split("\n"))
        return fields, body.replace("\n", "\r\n").encode()

    @staticmethod
    def next_object(juliet):
        return juliet.gets(lambda stanza: stanza.find(f"{{{E2E}}}e2e") is not None, "an object")

    @pytest.mark.parametrize("in_cdata", [False, True])
    def test_signed_to_sip(self, juliet, romeo, juliet_keys, romeo_keys, in_cdata):
        said = b"Content-Type: message/cpim\r\n\r\n" + cpim.write(
            HOSTILE, sender="im:juliet@xmpp.test", recipient="im:romeo@sip.test")
        content_type, body = juliet_keys.signs(said)
        self.juliet_sends(juliet, content_type, "\n" + body.decode(), in_cdata)
        request = romeo.gets()
        assert romeo_keys.verifies(request["Content-Type"], request.body, by=juliet_keys) == said
        assert request.body == body and SECRET.encode() not in request.raw

    def test_signed_to_xmpp(self, juliet, romeo, juliet_keys, romeo_keys):
        said = b"Content-Type: message/cpim\r\n\r\n" + cpim.write(
            HOSTILE, sender="im:romeo@sip.test", recipient="im:juliet@xmpp.test")
        content_type, body = romeo_keys.signs(said)
        says_octets(romeo, body, content_type, 200)
        fields, came = self.object_of(self.next_object(juliet))
        assert came == body
        assert juliet_keys.verifies(fields["Content-Type"], came, by=romeo_keys) == said

    def test_what_a_multipart_cannot_hold_in_xml_is_refused_and_not_broken(self, juliet, romeo, romeo_keys):
        for bad in ("\uffff", "a\nb", "a\rb", "\0"):
            said = b"Content-Type: message/cpim\r\n\r\n" + cpim.write(
                "x", sender="im:romeo@sip.test", recipient="im:juliet@xmpp.test")
            content_type, body = romeo_keys.signs(said)
            body = body.replace(b"x\r\n", bad.encode() + b"\r\n", 1)
            assert "S/MIME" in says_octets(romeo, body, content_type, 488)["Warning"]
        romeo.says("the stream is up", to="juliet@xmpp.test")
        juliet.hears("the stream is up")
        assert juliet.unheard() == []

    @pytest.mark.parametrize("text", [HOSTILE, "\uffff\n\r\0 binary is no matter"])
    def test_enveloped_and_opaque_both_ways(self, town, juliet, romeo, juliet_keys, romeo_keys, text):
        octets = f"{SECRET} {text}".encode()
        for made, kind, opened in [
                (juliet_keys.encrypts(octets, romeo_keys), "enveloped-data", romeo_keys.decrypts),
                (juliet_keys.signs_opaque(octets), "signed-data",
                 lambda der: romeo_keys.verifies_opaque(der, by=juliet_keys))]:
            head = f"application/pkcs7-mime; smime-type={kind}"
            self.juliet_sends(juliet, head, f"Content-Transfer-Encoding: base64\n\n{base64_lines(made)}")
            request = romeo.gets()
            assert request["Content-Type"] == head.replace("; ", ";") and request.body == made
            assert opened(request.body) == octets

            says_octets(romeo, made, head, 200)
            fields, came = self.object_of(self.next_object(juliet))
            assert fields["Content-Type"] == head and fields["Content-Transfer-Encoding"] == "base64"
            assert base64_octets(came) == made
        if text is not HOSTILE:
            return
        # a relayed SignedData is readable by nature; nobody put it into a log
        assert SECRET not in town.stox.log_text()

    def test_what_the_recipient_says_of_an_object(self, juliet, romeo, juliet_keys, romeo_keys):
        head = "application/pkcs7-mime; smime-type=enveloped-data"
        sealed = base64_lines(juliet_keys.encrypts(b"x", romeo_keys))
        for status, condition, type in [(493, "bad-request", "modify"), (415, "not-acceptable", "modify")]:
            romeo.answers(status)
            self.juliet_sends(juliet, head, f"Content-Transfer-Encoding: base64\n\n{sealed}")
            stanza = juliet.gets_error("s", condition, type)
            failed = stanza.find("{jabber:client}error").find(f"{{{E2E}}}decryption-failed")
            assert (failed is not None) == (status == 493)
        juliet.says("what was refused came once", to="romeo@sip.test")
        romeo.hears("what was refused came once")
        assert [request.answered for request in romeo.received] == [493, 415, 200]

    def test_presence_to_sip(self, town, people, juliet, juliet_keys, romeo_keys):
        """The phone takes objects, the watch does not; each object comes once, and what is beside it never."""
        jid, phone = town.jid_of("sealed"), people.phone("sealed")
        watch = phone.watches(town.uri_of("juliet"), headers=OBJECTS)
        watch.hears("pending")
        juliet.is_told("subscribe", jid)
        juliet.tells("subscribed", to=jid)
        watch.sees(balcony="")
        plain = people.phone("sealed").watches(town.uri_of("juliet"))
        plain.sees(balcony="")

        said = PRESENCE + pidf.document("pres:juliet@xmpp.test", pidf.Tuple("balcony", notes=(HOSTILE,)))
        content_type, body = juliet_keys.signs(said)
        self.juliet_shows(juliet, jid, content_type, f"\n{body.decode()}")
        notify = watch.hears("active")
        assert romeo_keys.verifies(notify["Content-Type"], notify.body, by=juliet_keys) == said and notify.body == body

        der = juliet_keys.encrypts(said, romeo_keys)
        head = "application/pkcs7-mime; smime-type=enveloped-data"
        self.juliet_shows(juliet, jid, head, f"Content-Transfer-Encoding: base64\n\n{base64_lines(der)}")
        notify = watch.hears("active")
        assert notify.body == der and romeo_keys.decrypts(notify.body) == said

        watch.refreshes(headers=OBJECTS)
        watch.sees(balcony="")
        juliet.shows(show="away")
        watch.sees(balcony="away")
        plain.sees(balcony="away")
        assert juliet.unseen(jid) == [] and watch.unheard() == [] and plain.unheard() == []
        written = [request.raw.decode("latin-1") for request in phone.received] + [town.stox.log_text()]
        assert not any(SECRET in text for text in written)

    def test_presence_to_who_does_not_take_it(self, town, people, juliet, juliet_keys, romeo_keys):
        jid, phone = town.jid_of("plain"), people.phone("plain")
        sealed = f"Content-Transfer-Encoding: base64\n\n{base64_lines(juliet_keys.encrypts(b'x', romeo_keys))}"
        self.juliet_shows(juliet, jid, "application/pkcs7-mime", sealed)
        assert "S/MIME" in juliet.is_told("error", jid).error.text
        watch = phone.watches(town.uri_of("juliet"))
        watch.hears("pending")
        juliet.is_told("subscribe", jid)
        juliet.tells("subscribed", to=jid)
        watch.sees(balcony="")
        self.juliet_shows(juliet, jid, "application/pkcs7-mime", sealed)
        stanza = juliet.is_told("error", jid)
        own = stanza.find("{jabber:client}error").find("{urn:stox:encryption:0}untranslatable-encryption")
        assert stanza.error.condition == "not-acceptable" and own.get("scheme") == "smime"
        juliet.shows(show="dnd")
        watch.sees(balcony="dnd")
        assert watch.unheard() == []

    def test_presence_to_xmpp(self, town, people, juliet, juliet_keys, romeo_keys):
        jid, phone = town.jid_of("veiled"), people.phone("veiled")
        juliet.tells("subscribe", to=jid)
        sight = phone.is_asked()
        accept = ", ".join(sight.subscribe.all("Accept"))
        assert accept == "application/pidf+xml, multipart/signed, application/pkcs7-mime"
        sight.notifies("active;expires=600", pidf.Tuple("desk"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")

        said = PRESENCE + pidf.document("pres:veiled@sip.test", pidf.Tuple("desk", notes=(f"{SECRET} {HOSTILE}",)))
        content_type, body = romeo_keys.signs(said)
        sight.notifies("active;expires=600", body=body, content_type=content_type)
        stanza = self.next_object(juliet)
        fields, came = self.object_of(stanza)
        assert (stanza.kind, stanza.type, stanza.sender) == ("presence", None, jid)
        assert came == body and juliet_keys.verifies(fields["Content-Type"], came, by=romeo_keys) == said

        der = romeo_keys.encrypts(said, juliet_keys)
        head = "application/pkcs7-mime; smime-type=enveloped-data"
        sight.notifies("active;expires=600", body=der, content_type=head)
        fields, came = self.object_of(self.next_object(juliet))
        assert fields["Content-Type"] == head
        assert base64_octets(came) == der and juliet_keys.decrypts(base64_octets(came)) == said

        broken = body.replace(b"\r\n", b"\n", 6)
        final = sight.notifies("active;expires=600", body=broken, content_type=content_type, expect=488).final
        assert "S/MIME" in final["Warning"]
        sight.notifies("active;expires=600", pidf.Tuple("desk", show="away"))
        juliet.sees(f"{jid}/desk", show="away")
        sight.notifies("active;expires=600", pidf.Tuple("desk", basic="closed"))
        juliet.sees_gone(f"{jid}/desk")
        juliet.sees_gone(jid)
        assert juliet.unseen(jid) == []
        assert SECRET not in town.stox.log_text()

    @staticmethod
    def juliet_shows(juliet, to, content_type, text):
        whole = f"Content-Type: {content_type}\n{text}".replace("\r\n", "\n")
        juliet.sends_raw(f"<presence to='{to}' id='s'><show>xa</show><status>{SECRET}</status>"
                         f"<e2e xmlns='{E2E}'>{escape(whole)}</e2e></presence>")

    def test_an_encrypting_xmpp_client_is_told_here_too(self, juliet, romeo):
        published = {}
        juliet_keys = OmemoPerson("juliet@xmpp.test", "2", published)
        OmemoPerson("romeo@sip.test", "2", published)
        encrypted = juliet_keys.encrypts(SECRET, "romeo@sip.test")
        juliet.sends_raw(f"<message to='romeo@sip.test' id='o'>{encrypted}</message>")
        assert "OMEMO" in juliet.gets_error("o", "not-acceptable", "modify").error.text


def base64_lines(octets):
    return re.sub("(.{64})", r"\1\n", base64.b64encode(octets).decode())


def base64_octets(text):
    return base64.b64decode(text)
