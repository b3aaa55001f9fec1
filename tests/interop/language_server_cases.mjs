// What any editor may do with antiphon-json-language-server, over whichever transport; the ways of one real
// editor are in neovim_client.lua.

import assert from 'node:assert/strict';
import { ErrorCodes } from 'vscode-jsonrpc/node.js';
import { failure, within } from './server.mjs';

const uri = 'file:///a/document.json';
const document = { uri };

/** Initializes, and collects what is published: `diagnostics()` waits for the next notification. */
async function initialize({ connection }) {
  const arrived = [];
  const waiting = [];
  connection.onNotification('textDocument/publishDiagnostics', (params) => {
    const next = waiting.shift();
    if (next) next(params);
    else arrived.push(params);
  });
  const result = await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  await connection.sendNotification('initialized', {});
  const diagnostics = () =>
    within(10, arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve)),
           'publishing diagnostics');
  return { result, diagnostics };
}

function open({ connection }, text, version = 1) {
  return connection.sendNotification('textDocument/didOpen',
                                     { textDocument: { uri, languageId: 'json', version, text } });
}

export const languageServerCases = {
  async 'initialize tells the capabilities and who it is'(client) {
    const { result } = await initialize(client);
    assert.deepEqual(result.capabilities, {
      positionEncoding: 'utf-16',
      textDocumentSync: { openClose: true, change: 1 },
      documentSymbolProvider: true,
      documentFormattingProvider: true,
      hoverProvider: true,
    });
    assert.equal(result.serverInfo.name, 'antiphon-json-language-server');
    assert.match(result.serverInfo.version, /^\d+\.\d+\.\d+$/);
  },

  async 'nothing is served before initialize, and that once'(client) {
    const params = { textDocument: document, position: { line: 0, character: 0 } };
    await open(client, '{');
    const early = await failure(client.connection.sendRequest('textDocument/hover', params));
    assert.equal(early.code, ErrorCodes.ServerNotInitialized);
    await initialize(client);
    const second = await failure(client.connection.sendRequest('initialize', { capabilities: {} }));
    assert.equal(second.code, ErrorCodes.InvalidRequest);
    // What was opened too early was dropped.
    const unopened = await failure(client.connection.sendRequest('textDocument/hover', params));
    assert.equal(unopened.code, ErrorCodes.InvalidParams);
    assert.match(unopened.message, /not open/);
  },

  async 'diagnostics follow the document from open to close'(client) {
    const { connection } = client;
    const { diagnostics } = await initialize(client);
    await open(client, '{"😀": 01}', 7);
    assert.deepEqual(await diagnostics(), {
      uri, version: 7,
      diagnostics: [{ range: { start: { line: 0, character: 7 }, end: { line: 0, character: 9 } }, severity: 1,
                      source: 'json', message: 'number has a leading zero' }],
    });
    const change = (version, text) => connection.sendNotification('textDocument/didChange',
      { textDocument: { uri, version }, contentChanges: [{ text: '[' }, { text }] });
    await change(8, '{"😀": 1}');
    assert.deepEqual(await diagnostics(), { uri, version: 8, diagnostics: [] });
    await change(9, '{');
    assert.equal((await diagnostics()).diagnostics.length, 1);
    await connection.sendNotification('textDocument/didClose', { textDocument: document });
    assert.deepEqual(await diagnostics(), { uri, diagnostics: [] });
  },

  async 'a request sees every change that was sent before it'(client) {
    const { connection } = client;
    await initialize(client);
    await open(client, '0');
    for (let version = 2; version < 200; ++version) {
      connection.sendNotification('textDocument/didChange',
                                  { textDocument: { uri, version }, contentChanges: [{ text: `[${version}]` }] });
      const symbols = await connection.sendRequest('textDocument/documentSymbol', { textDocument: document });
      assert.deepEqual(symbols.map(({ name, detail }) => [name, detail]), [['0', `${version}`]]);
    }
  },

  async 'symbols, hover and formatting are answered'(client) {
    const { connection } = client;
    await initialize(client);
    await open(client, '{"a":[1]}');
    assert.deepEqual(await connection.sendRequest('textDocument/documentSymbol', { textDocument: document }), [{
      name: 'a', detail: 'array with 1 element', kind: 18,
      range: { start: { line: 0, character: 1 }, end: { line: 0, character: 8 } },
      selectionRange: { start: { line: 0, character: 1 }, end: { line: 0, character: 4 } },
      children: [{ name: '0', detail: '1', kind: 16, children: [],
                   range: { start: { line: 0, character: 6 }, end: { line: 0, character: 7 } },
                   selectionRange: { start: { line: 0, character: 6 }, end: { line: 0, character: 7 } } }],
    }]);
    const hover = (character) => connection.sendRequest('textDocument/hover',
                                                        { textDocument: document, position: { line: 0, character } });
    assert.deepEqual(await hover(6), {
      contents: { kind: 'markdown', value: '`/a/0`: number\n\n```json\n1\n```' },
      range: { start: { line: 0, character: 6 }, end: { line: 0, character: 7 } },
    });
    assert.equal(await hover(9), null);
    const edits = await connection.sendRequest('textDocument/formatting',
      { textDocument: document, options: { tabSize: 2, insertSpaces: true, insertFinalNewline: true } });
    assert.deepEqual(edits.map(({ newText }) => newText), ['\n  ', ' ', '\n    ', '\n  ', '\n', '\n']);
    await open(client, '{');
    assert.equal(await connection.sendRequest('textDocument/formatting',
      { textDocument: document, options: { tabSize: 2, insertSpaces: true } }), null);
  },

  async 'a document of twenty megabytes is served'(client) {
    const { diagnostics } = await initialize(client);
    await open(client, `[${'"0123456789abcdef",\n'.repeat(1_000_000)}1]`);
    assert.deepEqual((await diagnostics()).diagnostics, []);
  },

  async 'wrong parameters are -32602 and named'(client) {
    await initialize(client);
    const error = await failure(client.connection.sendRequest('textDocument/hover', { textDocument: document }));
    assert.equal(error.code, ErrorCodes.InvalidParams);
    assert.match(error.message, /position/);
  },

  async 'shutdown and exit end the connection'(client, server) {
    const { connection, closed } = client;
    await initialize(client);
    assert.equal(await connection.sendRequest('shutdown'), null);
    const late = await failure(connection.sendRequest('textDocument/hover', {}));
    assert.equal(late.code, ErrorCodes.InvalidRequest);
    await connection.sendNotification('exit');
    await within(5, closed, 'closing');
    if (server.transport === 'stdio') {
      assert.deepEqual(await within(5, server.exited, 'the exit'), { code: 0, signal: null });
    } else {
      await initialize(await server.connect());
    }
  },
};

/** Cases for listeners only. */
export const languageServerListenerCases = {
  async 'two editors have documents of their own'(client, server) {
    await initialize(client);
    await open(client, '[1]');
    const other = await server.connect();
    await initialize(other);
    const error = await failure(other.connection.sendRequest('textDocument/documentSymbol', { textDocument: document }));
    assert.equal(error.code, ErrorCodes.InvalidParams);
  },
};
