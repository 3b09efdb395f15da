// A small chat program on JsSIP, as a page in a browser has it, with the library's default settings.
'use strict';
const screen = require('./screen.js');
const JsSIP = require('jssip');

screen.runs(({ address, password, websocket }) => {
  const agent = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(websocket)], uri: `sip:${address}`, password,
  });
  let leaving = false;
  agent.on('registered', () => screen.shows('ready'));
  agent.on('registrationFailed', ({ cause }) => screen.shows('not registered', { words: cause }));
  agent.on('unregistered', () => leaving && process.exit(0));   // the page is closed
  agent.on('newMessage', ({ originator, request }) => {
    if (originator !== 'remote') return;
    screen.shows('message', { sender: request.from.uri.toString(), text: request.body || '' });
  });
  agent.start();

  return {
    say({ contact, text }) {
      const failed = ({ cause, response }) => screen.shows('failure', {
        text, words: response ? `${response.status_code} ${response.reason_phrase}` : cause,
      });
      agent.sendMessage(`sip:${contact}`, text, { eventHandlers: { failed } });
    },
    quit() {
      leaving = true;
      agent.unregister();
    },
  };
});
