"""A SIP user whose client reads and writes message/cpim objects: registers, answers the proxy's challenge, and speaks in objects."""

from harness import cpim
from harness.sip_digest import digest
from harness.sip_ua import SipUser

AGENT = "quickstart-reader/1.0"


class CpimReader(SipUser):
    """mercutio: everything said is an object, and what comes is taken apart as one."""

    def writes(self, text, to, more=()):
        """Send a text as an object, `more` being header lines of it; the request as it went."""
        body = cpim.write(text, sender=self.uri, recipient=to, more=more)
        headers = [("User-Agent", AGENT), ("Accept", "message/cpim, text/plain")]
        transaction = self.asks("MESSAGE", to, body=body, content_type=cpim.MEDIA_TYPE, headers=headers)
        if transaction.status == 407:
            challenge = transaction.final["Proxy-Authenticate"]
            headers.append(("Proxy-Authorization", digest(challenge, "MESSAGE", to, self.user, self.password)))
            transaction = self.asks("MESSAGE", to, body=body, content_type=cpim.MEDIA_TYPE, headers=headers)
        if transaction.status != 200:
            raise AssertionError(f"{self.user}'s message got:\n{transaction.final}")
        return transaction.request

    def reads(self, text):
        """The next message, which must be an object around `text`: the request and the object."""
        request = self.hears(text, content_type=cpim.MEDIA_TYPE)
        return request, cpim.parse(request.body)
