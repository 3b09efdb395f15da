"""A small chat program on PJSIP 2.15 (pjsua2), with the library's default settings, as its own pjsua does it."""

import os

import pjsua2
from screen import Screen

TURN_MILLISECONDS = 20
ACTIVITIES = {pjsua2.PJRPID_ACTIVITY_AWAY: "away", pjsua2.PJRPID_ACTIVITY_BUSY: "busy"}
STATES = {pjsua2.PJSUA_BUDDY_STATUS_ONLINE: "online", pjsua2.PJSUA_BUDDY_STATUS_OFFLINE: "offline"}


class Buddy(pjsua2.Buddy):
    screen = None

    def onBuddyState(self):
        shown = self.getInfo()
        state = STATES.get(shown.presStatus.status)
        self.screen.shows("presence", contact=shown.uri, state=state, words=shown.presStatus.statusText,
                          activity=ACTIVITIES.get(shown.presStatus.activity, ""), note=shown.presStatus.note)


class Account(pjsua2.Account):
    screen, registered = None, False

    def onRegState(self, told):
        if told.code == 200 and not self.registered:
            self.registered = True
        elif told.code >= 300:
            self.screen.shows("not registered", words=f"{told.code} {told.reason}")

    def onInstantMessage(self, told):
        self.screen.shows("message", sender=told.fromUri, text=told.msgBody, type=told.contentType)

    def onInstantMessageStatus(self, told):
        if told.code >= 300:
            self.screen.shows("failure", text=told.msgBody, words=f"{told.code} {told.reason}")

    def onTypingIndication(self, told):
        self.screen.shows("typing", sender=told.fromUri, typing=bool(told.isTyping))


class Pjsip:
    def __init__(self):
        self.screen = Screen()
        Buddy.screen = Account.screen = self.screen
        self.buddies = {}
        self.endpoint = pjsua2.Endpoint()
        self.endpoint.libCreate()
        general = pjsua2.EpConfig()
        general.logConfig.level = general.logConfig.consoleLevel = 1
        # everything happens in this thread
        general.uaConfig.threadCnt, general.uaConfig.mainThreadOnly = 0, True
        self.endpoint.libInit(general)
        self.endpoint.audDevManager().setNullDev()
        for kind in (pjsua2.PJSIP_TRANSPORT_UDP, pjsua2.PJSIP_TRANSPORT_TCP):
            transport = pjsua2.TransportConfig()
            transport.port, transport.boundAddress = 5060, self.screen.settings["bind"]
            transport.publicAddress = transport.boundAddress
            self.endpoint.transportCreate(kind, transport)
        self.endpoint.libStart()
        self.account = self.log_in(**self.screen.settings)

    def log_in(self, address, user, password, proxy, port, publishes, **_):
        wanted = pjsua2.AccountConfig()
        wanted.idUri = f"sip:{address}"
        wanted.regConfig.registrarUri = f"sip:{proxy}:{port}"
        wanted.sipConfig.proxies.append(f"sip:{proxy}:{port};lr")
        wanted.sipConfig.authCreds.append(pjsua2.AuthCredInfo("digest", "*", user, 0, password))
        wanted.presConfig.publishEnabled = publishes
        account = Account()
        account.create(wanted)
        return account

    def run(self):
        ready = False
        while True:
            self.endpoint.libHandleEvents(TURN_MILLISECONDS)
            if self.account.registered and not ready:
                ready = True
                online = pjsua2.PresenceStatus()
                online.status = pjsua2.PJSUA_BUDDY_STATUS_ONLINE
                self.account.setOnlineStatus(online)
                self.screen.shows("ready")
            for order in self.screen.orders():
                if order["order"] == "quit":
                    self.endpoint.libDestroy()
                    os._exit(0)     # the destructors of what is left fail without the library
                self.obey(**order)

    def obey(self, order, contact, text=""):
        buddy = self.buddy(contact)
        if order == "say":
            message = pjsua2.SendInstantMessageParam()
            message.content = text
            buddy.sendInstantMessage(message)
        elif order == "type":
            typing = pjsua2.SendTypingIndicationParam()
            typing.isTyping = True
            buddy.sendTypingIndication(typing)
        elif order == "add":
            buddy.subscribePresence(True)

    def buddy(self, contact):
        if contact not in self.buddies:
            wanted = pjsua2.BuddyConfig()
            wanted.uri, wanted.subscribe = f"sip:{contact}", False
            buddy = Buddy()
            buddy.create(self.account, wanted)
            self.buddies[contact] = buddy
        return self.buddies[contact]


Pjsip().run()
