// The peer that `./dev bench roundtrip` compares with: vscode-jsonrpc on standard input and output, with the
// methods of antiphon_server. The package is the one that the interoperability tests have.

import { createRequire } from 'node:module';

const require = createRequire(new URL('../../tests/interop/', import.meta.url));
const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = require('vscode-jsonrpc/node.js');

const connection = createMessageConnection(new StreamMessageReader(process.stdin),
                                           new StreamMessageWriter(process.stdout));
connection.onRequest('echo', (value) => [value]);
connection.onRequest('add', (a, b) => a + b);
connection.onNotification('note', () => {});
connection.onClose(() => process.exit(0));
connection.listen();
