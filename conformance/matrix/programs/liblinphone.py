"""A small chat program on Debian's liblinphone 5.1, by ctypes, with the library's default settings."""

import ctypes
import os
from pathlib import Path

from screen import Screen, text

POINTER, STRING, INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
# LinphoneRegistrationState, LinphoneChatMessageState, LinphonePresenceBasicStatus, LinphoneSubscribePolicy
REGISTERED, REGISTRATION_FAILED = 2, 4
MARKS = {2: "sent", 5: "file sent", 6: "delivered", 7: "displayed"}
NOT_DELIVERED = (3, 4)
OPEN = 0
ACCEPT = 2
CONSOLIDATED = ("online", "busy", "do not disturb", "offline")
TURN_SECONDS = 0.02     # how often the applications of the library call linphone_core_iterate

LIBRARY = ctypes.CDLL("liblinphone.so.10", mode=ctypes.RTLD_GLOBAL)
LISTS = ctypes.CDLL("libbctoolbox.so.1", mode=ctypes.RTLD_GLOBAL)

CONFIGURATION = """[sip]
sip_port=5060
sip_tcp_port=5060
sip_tls_port=-1
default_proxy=0
guess_hostname=0
bind_address={bind}
[proxy_0]
reg_proxy=<sip:{proxy}:{port};transport=udp>
reg_route=<sip:{proxy}:{port};transport=udp>
reg_identity=<sip:{address}>
reg_expires=600
reg_sendregister=1
publish={publishes}
publish_expires=600
[auth_info_0]
username={user}
passwd={password}
realm={domain}
domain={domain}
[storage]
backend=sqlite3
uri={folder}/chats.sqlite
call_logs_db_uri={folder}/calls.sqlite
[sound]
playback_dev_id=
[video]
capture=0
display=0
"""


def declare(name, result, *arguments, library=LIBRARY):
    function = getattr(library, name)
    function.restype, function.argtypes = result, list(arguments)
    return function


FACTORY = declare("linphone_factory_get", POINTER)()
create_core = declare("linphone_factory_create_core_3", POINTER, POINTER, STRING, STRING, POINTER)
create_core_callbacks = declare("linphone_factory_create_core_cbs", POINTER, POINTER)
create_message_callbacks = declare("linphone_factory_create_chat_message_cbs", POINTER, POINTER)
add_core_callbacks = declare("linphone_core_add_callbacks", None, POINTER, POINTER)
start_core = declare("linphone_core_start", INT, POINTER)
stop_core = declare("linphone_core_stop", None, POINTER)
iterate = declare("linphone_core_iterate", None, POINTER)
create_address = declare("linphone_core_create_address", POINTER, POINTER, STRING)
chat_room = declare("linphone_core_get_chat_room", POINTER, POINTER, POINTER)
find_friend = declare("linphone_core_find_friend", POINTER, POINTER, POINTER)
create_friend = declare("linphone_core_create_friend_with_address", POINTER, POINTER, STRING)
add_friend = declare("linphone_core_add_friend", None, POINTER, POINTER)
uri_of = declare("linphone_address_as_string_uri_only", STRING, POINTER)
peer_of = declare("linphone_chat_room_get_peer_address", POINTER, POINTER)
is_composing = declare("linphone_chat_room_is_remote_composing", ctypes.c_bool, POINTER)
compose = declare("linphone_chat_room_compose", None, POINTER)
mark_as_read = declare("linphone_chat_room_mark_as_read", None, POINTER)
create_message = declare("linphone_chat_room_create_message_from_utf8", POINTER, POINTER, STRING)
send = declare("linphone_chat_message_send", None, POINTER)
add_message_callbacks = declare("linphone_chat_message_add_callbacks", None, POINTER, POINTER)
contents_of = declare("linphone_chat_message_get_contents", POINTER, POINTER)
error_of = declare("linphone_chat_message_get_error_info", POINTER, POINTER)
error_code = declare("linphone_error_info_get_protocol_code", INT, POINTER)
error_phrase = declare("linphone_error_info_get_phrase", STRING, POINTER)
error_warnings = declare("linphone_error_info_get_warnings", STRING, POINTER)
content_is_text = declare("linphone_content_is_text", ctypes.c_bool, POINTER)
content_name = declare("linphone_content_get_name", STRING, POINTER)
content_text = declare("linphone_content_get_utf8_text", STRING, POINTER)
next_of = declare("bctbx_list_next", POINTER, POINTER, library=LISTS)
data_of = declare("bctbx_list_get_data", POINTER, POINTER, library=LISTS)
friend_address = declare("linphone_friend_get_address", POINTER, POINTER)
friend_model = declare("linphone_friend_get_presence_model", POINTER, POINTER)
friend_consolidated = declare("linphone_friend_get_consolidated_presence", INT, POINTER)
friend_subscribes = declare("linphone_friend_enable_subscribes", INT, POINTER, INT)
friend_policy = declare("linphone_friend_set_inc_subscribe_policy", INT, POINTER, INT)
model_basic = declare("linphone_presence_model_get_basic_status", INT, POINTER)
model_activity = declare("linphone_presence_model_get_activity", POINTER, POINTER)
activity_words = declare("linphone_presence_activity_to_string", STRING, POINTER)
model_note = declare("linphone_presence_model_get_note", POINTER, POINTER, STRING)
note_content = declare("linphone_presence_note_get_content", STRING, POINTER)


class Linphone:
    def __init__(self):
        self.screen = Screen()
        self.kept = []          # what C holds pointers to
        self.requests = {}      # address -> the friend of who asked, or None for an unknown one
        folder = Path(os.environ["HOME"])
        # without it the library finds no place for its data
        (folder / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        configuration = folder / "linphonerc"
        if not configuration.exists():
            configuration.write_text(CONFIGURATION.format(folder=folder, **self.screen.settings), encoding="utf-8")
        self.core = create_core(FACTORY, str(configuration).encode(), None, None)
        self.listen()
        start_core(self.core)

    def run(self):
        while True:
            for order in self.screen.orders(within=TURN_SECONDS):
                if order["order"] == "quit":
                    return stop_core(self.core)
                self.obey(**order)
            iterate(self.core)

    def obey(self, order, contact, text=""):
        room = chat_room(self.core, create_address(self.core, f"sip:{contact}".encode()))
        if order == "say":
            message = create_message(room, text.encode())
            self.follow(message, text)
            send(message)
        elif order == "type":
            compose(room)
        elif order == "read":
            mark_as_read(room)
        elif order == "add":
            self.befriend(None, contact)
        elif order == "accept":
            self.befriend(self.requests.pop(contact, None), contact)

    def befriend(self, friend, contact):
        uri = f"sip:{contact}".encode()
        friend = friend or find_friend(self.core, create_address(self.core, uri)) or create_friend(self.core, uri)
        friend_subscribes(friend, 1)
        friend_policy(friend, ACCEPT)
        add_friend(self.core, friend)

    def listen(self):
        callbacks = create_core_callbacks(FACTORY)
        on = [
            ("message_received", self.message_received, (POINTER, POINTER, POINTER)),
            ("is_composing_received", self.composing_received, (POINTER, POINTER)),
            ("notify_presence_received", self.presence_received, (POINTER, POINTER)),
            ("new_subscription_requested", self.subscription_requested, (POINTER, POINTER, STRING)),
            ("registration_state_changed", self.registration_changed, (POINTER, POINTER, INT, STRING)),
        ]
        for name, method, signature in on:
            kind = ctypes.CFUNCTYPE(None, *signature)
            called = kind(method)
            declare(f"linphone_core_cbs_set_{name}", None, POINTER, kind)(callbacks, called)
            self.kept.append(called)
        add_core_callbacks(self.core, callbacks)

    def follow(self, message, own_text):
        """The mark on an own message, whenever it changes."""
        def changed(_message, state):
            if state in MARKS:
                self.screen.shows("mark", text=own_text, mark=MARKS[state])
            elif state in NOT_DELIVERED:
                # liblinphone 5.1 leaves the error empty for a page-mode message: its applications show a red mark
                error = error_of(message)
                words = [error_code(error), text(error_phrase(error)), text(error_warnings(error))]
                self.screen.shows("failure", text=own_text,
                                  words=" ".join(str(word) for word in words if word) or "not delivered")

        kind = ctypes.CFUNCTYPE(None, POINTER, INT)
        called, callbacks = kind(changed), create_message_callbacks(FACTORY)
        declare("linphone_chat_message_cbs_set_msg_state_changed", None, POINTER, kind)(callbacks, called)
        add_message_callbacks(message, callbacks)
        self.kept += [called, callbacks]

    # what the library tells

    def message_received(self, _core, room, message):
        item = contents_of(message)
        while item:
            content, item = data_of(item), next_of(item)
            if content_is_text(content):
                self.screen.shows("message", room=text(uri_of(peer_of(room))), text=text(content_text(content)))
            else:
                self.screen.shows("file", room=text(uri_of(peer_of(room))), text=text(content_name(content)))

    def composing_received(self, _core, room):
        self.screen.shows("typing", room=text(uri_of(peer_of(room))), typing=is_composing(room))

    def presence_received(self, _core, friend):
        model = friend_model(friend)
        activity = model_activity(model) if model else None
        note = model_note(model, None) if model else None
        self.screen.shows("presence", contact=text(uri_of(friend_address(friend))),
                          open=bool(model) and model_basic(model) == OPEN,
                          consolidated=CONSOLIDATED[friend_consolidated(friend)],
                          activity=text(activity_words(activity)) if activity else "",
                          note=text(note_content(note)) if note else "")

    def subscription_requested(self, _core, friend, uri):
        uri = text(uri)
        address = uri[uri.index("sip:") + 4:].split(">")[0].split(";")[0]
        self.requests[address] = friend
        self.screen.shows("asked", contact=address)

    def registration_changed(self, _core, _account, state, words):
        if state == REGISTERED:
            self.screen.shows("ready")
        elif state == REGISTRATION_FAILED:
            self.screen.shows("not registered", words=text(words))


Linphone().run()
