-- A message whose body is "bounce:" and an <error/> element comes back to its sender with that error,
-- so that a story can have the server say anything a server may say.
local st = require "util.stanza";
local xml = require "util.xml";

local function bounce(event)
	local request = (event.stanza:get_child_text("body") or ""):match("^bounce:(.*)$");
	if not request or event.stanza.attr.type == "error" then return; end
	local reply = st.reply(event.stanza);
	reply.attr.type = "error";
	reply:add_direct_child(assert(xml.parse(request)));
	event.origin.send(reply);
	return true;
end

module:hook("message/bare", bounce, 100);
module:hook("message/full", bounce, 100);
