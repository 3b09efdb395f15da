"""A small chat program on libpurple 2.14, the library of Pidgin, with its SIMPLE protocol and default settings."""

import ctypes
import os
import select
import time

from screen import Screen, text

POINTER, STRING, INT, UINT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
READ, WRITE = 1, 2                      # PurpleInputCondition
IM, AVAILABLE, TYPING = 1, 2, 1         # PurpleConversationType, PurpleStatusPrimitive, PurpleTypingState
ERROR_FLAG = 0x200                      # PurpleMessageFlags
PORTS = (22000, 22999)                  # below the ports that the kernel hands out
TURN_SECONDS = 0.05
LEAVING_SECONDS = 0.3                   # its last requests go out when their sockets are ready

LIBRARY = ctypes.CDLL("libpurple.so.0", mode=ctypes.RTLD_GLOBAL)

CALLED_LATER = ctypes.CFUNCTYPE(INT, POINTER)
CALLED_WHEN_READY = ctypes.CFUNCTYPE(None, POINTER, INT, INT)


def call(name, *arguments, result=POINTER):
    function = getattr(LIBRARY, name)
    function.restype = result
    return function(*[each.encode() if isinstance(each, str) else each for each in arguments])


def pointer(value):
    return ctypes.c_void_p(value)


class Loop:
    """What libpurple asks of its user interface: timers, and sockets to look at."""

    KINDS = (
        ctypes.CFUNCTYPE(UINT, UINT, POINTER, POINTER), ctypes.CFUNCTYPE(INT, UINT),
        ctypes.CFUNCTYPE(UINT, INT, INT, POINTER, POINTER), ctypes.CFUNCTYPE(INT, UINT),
        ctypes.CFUNCTYPE(INT, INT, POINTER), ctypes.CFUNCTYPE(UINT, UINT, POINTER, POINTER),
    )

    def __init__(self):
        self.last = 0
        self.timers, self.inputs = {}, {}
        methods = (self.add_timer, self.remove_timer, self.add_input, self.remove_input, None,
                   lambda seconds, called, data: self.add_timer(1000 * seconds, called, data))
        self.kept = [kind(method) if method else None for kind, method in zip(self.KINDS, methods)]
        self.table = table(self.kept)

    def add_timer(self, milliseconds, called, data):
        self.last += 1
        self.timers[self.last] = [time.monotonic() + milliseconds / 1000, milliseconds / 1000, CALLED_LATER(called),
                                  data]
        return self.last

    def remove_timer(self, handle):
        return int(self.timers.pop(handle, None) is not None)

    def add_input(self, socket, condition, called, data):
        self.last += 1
        self.inputs[self.last] = (socket, condition, CALLED_WHEN_READY(called), data)
        return self.last

    def remove_input(self, handle):
        return int(self.inputs.pop(handle, None) is not None)

    def turn(self):
        """Call what is due, after at most TURN_SECONDS."""
        wanted = {condition: [each[0] for each in self.inputs.values() if each[1] & condition]
                  for condition in (READ, WRITE)}
        readable, writable, _ = select.select(wanted[READ], wanted[WRITE], [], TURN_SECONDS)
        for handle, (socket, condition, called, data) in list(self.inputs.items()):
            ready = (READ if socket in readable else 0) | (WRITE if socket in writable else 0)
            if handle in self.inputs and ready & condition:
                called(data, socket, ready & condition)
        now = time.monotonic()
        for handle, timer in list(self.timers.items()):
            if handle in self.timers and timer[0] <= now:
                timer[0] = now + timer[1]
                if not timer[2](timer[3]):
                    self.timers.pop(handle, None)


def table(functions, room=16):
    """A structure of function pointers; what is not given is NULL."""
    made = (POINTER * room)()
    for place, function in enumerate(functions):
        if function is not None:
            made[place] = ctypes.cast(function, POINTER).value
    return made


class Purple:
    def __init__(self):
        self.screen = Screen()
        self.kept = []
        self.loop = Loop()
        # the library takes its Call-IDs and tags from rand(), and leaves the seed to its program
        ctypes.CDLL(None).srand(int.from_bytes(os.urandom(4), "little"))
        call("purple_util_set_user_dir", os.environ["HOME"])
        call("purple_eventloop_set_ui_ops", self.loop.table)
        if not call("purple_core_init", "matrix", result=INT):
            raise SystemExit("libpurple does not start")
        call("purple_set_blist", pointer(call("purple_blist_new")))
        self.show_notices()
        self.listen()
        self.account = pointer(self.log_in(**self.screen.settings))

    def log_in(self, address, password, bind, proxy, port, publishes, **_):
        call("purple_network_force_online")
        call("purple_network_set_public_ip", bind)
        # it listens on every address of the machine: not on a port that others have on theirs
        call("purple_prefs_set_bool", "/purple/network/ports_range_use", 1)
        call("purple_prefs_set_int", "/purple/network/ports_range_start", PORTS[0])
        call("purple_prefs_set_int", "/purple/network/ports_range_end", PORTS[1])
        account = pointer(call("purple_account_new", address, "prpl-simple"))
        call("purple_account_set_password", account, password)
        call("purple_account_set_bool", account, "useproxy", 1)
        call("purple_account_set_string", account, "proxy", proxy)
        call("purple_account_set_int", account, "port", port)
        call("purple_account_set_bool", account, "dopublish", int(publishes))
        call("purple_accounts_add", account)
        call("purple_account_set_enabled", account, "matrix", 1)
        call("purple_savedstatus_activate", pointer(call("purple_savedstatus_new", None, AVAILABLE)))
        return account.value

    def run(self):
        while True:
            self.loop.turn()
            for order in self.screen.orders():
                if order["order"] == "quit":
                    return self.leave()
                self.obey(**order)

    def leave(self):
        call("purple_account_set_enabled", self.account, "matrix", 0)
        until = time.monotonic() + LEAVING_SECONDS
        while time.monotonic() < until:
            self.loop.turn()
        call("purple_core_quit")

    def obey(self, order, contact, text=""):
        name = f"sip:{contact}"
        if order == "say":
            conversation = call("purple_find_conversation_with_account", IM, name, self.account)
            conversation = conversation or call("purple_conversation_new", IM, self.account, name)
            window = pointer(call("purple_conversation_get_im_data", pointer(conversation)))
            # what is typed goes to the library as markup
            call("purple_conv_im_send", window, pointer(call("g_markup_escape_text", text, ctypes.c_ssize_t(-1))))
        elif order == "type":
            connection = pointer(call("purple_account_get_connection", self.account))
            call("serv_send_typing", connection, name, TYPING)
        elif order == "add":
            buddy = pointer(call("purple_buddy_new", self.account, name, None))
            call("purple_blist_add_buddy", buddy, None, None, None)
            call("purple_account_add_buddy", self.account, buddy)

    def listen(self):
        connections, conversations = call("purple_connections_get_handle"), call("purple_conversations_get_handle")
        contacts = call("purple_blist_get_handle")
        on = [
            (connections, "signed-on", self.signed_on, (POINTER,)),
            (connections, "connection-error", self.connection_failed, (POINTER, INT, STRING)),
            (conversations, "received-im-msg", self.message_received, (POINTER, STRING, STRING, POINTER, INT)),
            (conversations, "wrote-im-msg", self.line_written, (POINTER, STRING, STRING, POINTER, INT)),
            (conversations, "buddy-typing", self.typing_received, (POINTER, STRING)),
            (contacts, "buddy-signed-on", self.presence_changed, (POINTER,)),
            (contacts, "buddy-signed-off", self.presence_changed, (POINTER,)),
            (contacts, "buddy-status-changed", self.presence_changed, (POINTER, POINTER, POINTER)),
        ]
        for instance, signal, method, signature in on:
            called = ctypes.CFUNCTYPE(None, *signature)(method)
            self.kept.append(called)
            call("purple_signal_connect", pointer(instance), signal, pointer(1), called, None)

    def show_notices(self):
        """A notice opens a window of its own."""
        notice = ctypes.CFUNCTYPE(POINTER, INT, STRING, STRING, STRING)(self.notice_shown)
        notices = table([notice])
        self.kept += [notice, notices]
        call("purple_notify_set_ui_ops", notices)

    # what the library tells

    def signed_on(self, _connection):
        self.screen.shows("ready")

    def connection_failed(self, _connection, _kind, words):
        self.screen.shows("not registered", words=text(words))

    def message_received(self, _account, sender, markup, _conversation, _flags):
        # Pidgin's window breaks the line at a line feed, which markup would not
        shown = call("purple_markup_strip_html", markup.replace(b"\n", b"<br>"), result=STRING)
        self.screen.shows("message", sender=text(sender), text=text(shown))

    def line_written(self, _account, _who, markup, _conversation, flags):
        if flags & ERROR_FLAG:
            self.screen.shows("failure", text="", words=text(call("purple_markup_strip_html", markup, result=STRING)))

    def notice_shown(self, _kind, title, primary, secondary):
        words = " ".join(filter(None, map(text, (primary, secondary))))
        self.screen.shows("failure", text="", words=words or text(title))

    def typing_received(self, _account, sender):
        self.screen.shows("typing", sender=text(sender))

    def presence_changed(self, buddy, *_):
        buddy = pointer(buddy)
        presence = pointer(call("purple_buddy_get_presence", buddy))
        online = call("purple_presence_is_online", presence, result=INT)
        available = call("purple_presence_is_available", presence, result=INT)
        self.screen.shows("presence", contact=text(call("purple_buddy_get_name", buddy, result=STRING)),
                          state="offline" if not online else "online" if available else "away")


Purple().run()
