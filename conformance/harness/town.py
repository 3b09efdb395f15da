"""One deployment: an XMPP server, a SIP proxy, the gateway between them, and the people who live there."""

from .ejabberd import Ejabberd
from .kamailio import Kamailio
from .lab import STOX, Lab
from .prosody import Prosody
from .sip_lint import Lint
from .sip_ua import SipUser
from .stox import Stox
from .xmpp_user import XmppUser

SECRET = "s3cret"
PEOPLE = ("juliet", "nurse", "tybalt")


class Town:
    """
    xmpp_domain    where XMPP users are at home
    sip_domain     where SIP users are at home
    component      the domain of SIP users as XMPP sees them
    xmpp_in_sip    the domain of XMPP users as SIP sees them (default: xmpp_domain)
    routes         further domains that the proxy sends to the gateway
    patience_ms    how long the proxy waits for an answer before it says 408
    present        SIP users whose presence the proxy serves, from what their clients publish
    stream_components  further components of the XMPP server, with their secrets: whoever speaks for them is the story's
    scripted_proxy a user agent stands in the proxy's place (`town.proxy`), and there is no Kamailio
    """

    def __init__(self, xmpp_domain="xmpp.test", sip_domain="sip.test", component="sip.xmpp.test", xmpp_in_sip=None,
                 xmpp_server="prosody", routes=(), patience_ms=5000, present=(), scripted_proxy=False, transport="udp",
                 stream_components=None, **stox):
        self.lab = Lab()
        self.xmpp_domain, self.sip_domain, self.component = xmpp_domain, sip_domain, component
        self.xmpp_in_sip = xmpp_in_sip or xmpp_domain
        self.transport = transport
        self.lint = Lint()
        self.xmpp_server = self._make_xmpp_server(xmpp_server, stream_components or {})
        self.gateway_domains = [self.xmpp_in_sip, *routes]
        self.proxy = self._make_scripted_proxy() if scripted_proxy else None
        self.kamailio = None if scripted_proxy else Kamailio(
            self.lab, domains=[sip_domain], answer_within_ms=patience_ms, present=present)
        peer = f"sip:{self.proxy.address}:5060" if scripted_proxy else f"sip:{self.kamailio.address}:5060"
        self.stox = Stox(
            self.lab, components=[(component, self.xmpp_server.component_address, SECRET)],
            peers={"core": f"{peer};transport={transport}"},
            domains=[(component, sip_domain), (xmpp_domain, self.xmpp_in_sip)], **stox,
        )

    def open(self):
        """Start the servers and then the gateway; everything is ready when this returns."""
        try:
            self.xmpp_server.start()
            if self.kamailio:
                gateway = f"{self.stox.uri};transport={self.transport}"
                self.kamailio.routes = {domain: gateway for domain in self.gateway_domains}
                self.kamailio.start()
            self.stox.start()
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        self.lab.close()

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    # addresses

    def jid_of(self, sip_user):
        """A SIP user as XMPP users write to them."""
        return f"{sip_user}@{self.component}"

    def uri_of(self, xmpp_user):
        """An XMPP user as SIP users write to them."""
        return f"sip:{xmpp_user}@{self.xmpp_in_sip}"

    # people

    def xmpp_user(self, name, resource="balcony", keep_offline=False, **login):
        """
        Log in one of PEOPLE; the caller logs them out. What Prosody kept for them while they were away is forgotten,
        unless it belongs to this story.
        """
        if isinstance(self.xmpp_server, Prosody) and not keep_offline:
            self.xmpp_server.forget_offline_messages(name, self.xmpp_domain)
        user = XmppUser(f"{name}@{self.xmpp_domain}", password_of(name), (self.xmpp_server.address, 5222), resource)
        return user.login(**login)

    def sip_user(self, name, kind=SipUser, **options):
        """Register a scripted user agent; the caller stops it."""
        user = kind(f"sip:{name}@{self.sip_domain}", self.lab.next_address(), self.kamailio.target,
                    lint=self.lint, **options)
        return user.register()

    def stranger(self, address, name="stranger"):
        """A user agent that no configuration knows, talking to the gateway itself."""
        return SipUser(f"sip:{name}@{self.sip_domain}", address, self.stox.target, lint=self.lint)

    def logs(self):
        """The ends of all logs, for a failure report."""
        peers = [self.stox, self.kamailio, self.xmpp_server]
        return "\n".join(peer.log_tail(25) for peer in peers if peer)

    # helpers

    def _make_xmpp_server(self, kind, more):
        components = {self.component: SECRET, **more}
        if kind == "ejabberd":
            accounts = [(name, self.xmpp_domain, password_of(name)) for name in PEOPLE]
            return Ejabberd(self.lab, hosts=[self.xmpp_domain], components=components, accounts=accounts)
        server = Prosody(self.lab, hosts=[self.xmpp_domain], components=components)
        for name in PEOPLE:
            server.add_account(name, self.xmpp_domain, password_of(name))
        return server

    def _make_scripted_proxy(self):
        """A user agent in the proxy's place: it sees the gateway's octets as they leave, and answers by a script."""
        proxy = SipUser(f"sip:proxy@{self.sip_domain}", self.lab.next_address(), lint=self.lint, behind_proxy=False,
                        transport=self.transport)
        proxy.proxy = (self.lab.address(STOX), 5060)
        self.lab.adopt(proxy)
        return proxy


def password_of(name):
    return f"{name}pw"
