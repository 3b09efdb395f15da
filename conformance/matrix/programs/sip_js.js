// A small chat program on SIP.js, as a page in a browser has it, with the library's default settings.
'use strict';
const screen = require('./screen.js');
const { Messager, Registerer, RegistererState, UserAgent } = require('sip.js');

screen.runs(({ address, user, password, websocket }) => {
  const agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${address}`), authorizationUsername: user, authorizationPassword: password,
    transportOptions: { server: websocket }, logLevel: 'error',
    sessionDescriptionHandlerFactory: () => ({}),     // the default one is WebRTC's, which only browsers have
    delegate: {
      onMessage(message) {
        screen.shows('message', { sender: message.request.from.uri.toString(), text: message.request.body });
        message.accept();
      },
    },
  });
  const registerer = new Registerer(agent);
  let leaving = false;
  registerer.stateChange.addListener((state) => {
    if (state === RegistererState.Registered) screen.shows('ready');
    else if (leaving) agent.stop().then(() => process.exit(0));
    else screen.shows('not registered', { words: state });
  });
  agent.start().then(() => registerer.register());

  return {
    say({ contact, text }) {
      const onReject = ({ message }) => screen.shows('failure', {
        text, words: `${message.statusCode} ${message.reasonPhrase}`,
      });
      new Messager(agent, UserAgent.makeURI(`sip:${contact}`), text).message({ requestDelegate: { onReject } });
    },
    quit() {
      leaving = true;
      registerer.unregister();
    },
  };
});
