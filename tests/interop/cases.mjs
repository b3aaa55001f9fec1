// What a client made with vscode-jsonrpc expects of antiphon-conformance, over whichever transport.
// Each case gets a server of its own and a connection to it.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { CancellationTokenSource, ErrorCodes, ResponseError } from 'vscode-jsonrpc/node.js';
import { failure, within } from './server.mjs';

const requestCancelled = -32800;

export const cases = {
  async 'a request is answered, with parameters by position and by name'({ connection }) {
    assert.equal(await connection.sendRequest('subtract', 42, 23), 19);
    assert.equal(await connection.sendRequest('subtract', { minuend: 42, subtrahend: 23 }), 19);
    assert.equal(await connection.sendRequest('subtract', { subtrahend: 23, minuend: 42 }), 19);
    assert.equal(await connection.sendRequest('sum', 1, 2, 4), 7);
    assert.deepEqual(await connection.sendRequest('get_data'), ['hello', 5]);
  },

  async 'values come back as they went'({ connection }) {
    const values = {
      text: 'é € 𝄞 😀 \u0000 \u2028 " \\ \n', empty: '', none: null, yes: true, no: false,
      numbers: [0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE], nested: [[], {}, [[{ a: [] }]]],
      'ключ': { '': 1, constructor: 2, ['__proto__x']: 3 },
    };
    assert.deepEqual(await connection.sendRequest('echo', values), values);
    assert.deepEqual(await connection.sendRequest('echo', 1, 'two', [3], null), [1, 'two', [3], null]);
    assert.deepEqual(await connection.sendRequest('echo', {}), {});
  },

  async 'a message of several megabytes goes there and back'({ connection }) {
    const big = { text: 'x€𝄞'.repeat(400_000) };
    assert.deepEqual(await connection.sendRequest('echo', big), big);
  },

  async 'notifications are handled in the order they are sent'({ connection }) {
    const counts = [];
    for (let i = 1; i <= 500; ++i) {
      connection.sendNotification('bump', { i });
      if (i % 50 === 0) counts.push(connection.sendRequest('count'));
    }
    assert.deepEqual(await Promise.all(counts), [50, 100, 150, 200, 250, 300, 350, 400, 450, 500]);
  },

  async 'an unknown notification is ignored'({ connection }) {
    await connection.sendNotification('no/such/notification', { a: 1 });
    await connection.sendNotification('$/setTrace', { value: 'verbose' });
    assert.equal(await connection.sendRequest('count'), 0);
  },

  async 'an error arrives with its code, message and data'({ connection }) {
    const data = { why: ['é', 1] };
    const error = await failure(connection.sendRequest('fail', { code: -31999, message: 'no 𝄞 today', data }));
    assert.equal(error.code, -31999);
    assert.equal(error.message, 'no 𝄞 today');
    assert.deepEqual(error.data, data);
  },

  async 'an unknown method is -32601'({ connection }) {
    assert.equal((await failure(connection.sendRequest('no/such/method'))).code, ErrorCodes.MethodNotFound);
  },

  async 'wrong parameters are -32602 and named'({ connection }) {
    const error = await failure(connection.sendRequest('subtract', { minuend: 1, subtrahend: 'x' }));
    assert.equal(error.code, ErrorCodes.InvalidParams);
    assert.match(error.message, /subtrahend/);
    assert.equal((await failure(connection.sendRequest('subtract', 1))).code, ErrorCodes.InvalidParams);
  },

  async 'a handler that throws is -32603, keeps its secret, and harms nobody else'({ connection }) {
    const other = connection.sendRequest('sleep', { ms: 100 });
    const error = await failure(connection.sendRequest('throw'));
    assert.equal(error.code, ErrorCodes.InternalError);
    assert.doesNotMatch(error.message, /secret/);
    assert.equal(await other, 100);
  },

  async 'a quick request is not held up by a slow one'({ connection }) {
    const order = [];
    const slow = connection.sendRequest('sleep', { ms: 400 }).then(() => order.push('slow'));
    const quick = connection.sendRequest('sleep', { ms: 1 }).then(() => order.push('quick'));
    await Promise.all([slow, quick]);
    assert.deepEqual(order, ['quick', 'slow']);
  },

  async 'a cancelled request ends with -32800, at once, alone'({ connection }) {
    const source = new CancellationTokenSource();
    const began = Date.now();
    const cancelled = connection.sendRequest('sleep', { ms: 60_000 }, source.token);
    const other = connection.sendRequest('sleep', { ms: 300 });
    source.cancel();
    assert.equal((await failure(cancelled)).code, requestCancelled);
    assert.equal(await other, 300);
    assert.ok(Date.now() - began < 10_000);
  },

  async 'a hundred of two hundred requests are cancelled while all run or wait'({ connection }) {
    const sources = Array.from({ length: 200 }, () => new CancellationTokenSource());
    const requests = sources.map(({ token }, i) => connection.sendRequest('sleep', { ms: i % 2 ? 60_000 : 50 }, token));
    await connection.sendRequest('count');
    sources.forEach((source, i) => { if (i % 2) source.cancel(); });
    const outcomes = await Promise.allSettled(requests);
    outcomes.forEach((outcome, i) => {
      if (i % 2) assert.equal(outcome.reason?.code, requestCancelled);
      else assert.equal(outcome.value, 50);
    });
  },

  async 'cancelling what has been answered does nothing'({ connection }) {
    const source = new CancellationTokenSource();
    assert.equal(await connection.sendRequest('sleep', { ms: 1 }, source.token), 1);
    source.cancel();
    await connection.sendNotification('$/cancelRequest', { id: 12_345 });
    await connection.sendNotification('$/cancelRequest', { id: 'unknown' });
    assert.equal(await connection.sendRequest('count'), 0);
  },

  async 'ten thousand requests at once each get their own answer'({ connection }) {
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => connection.sendRequest('echo', { i, text: `number ${i}` })));
    answers.forEach((answer, i) => assert.deepEqual(answer, { i, text: `number ${i}` }));
  },

  async 'the server calls the client while the client awaits the server'({ connection }) {
    connection.onRequest('client/join', ({ parts }) => parts.join('+'));
    assert.equal(await connection.sendRequest('call_back', { method: 'client/join', params: { parts: ['é', 'b'] } }),
                 'é+b');
    connection.onRequest('client/add', (a, b) => a + b);
    assert.equal(await connection.sendRequest('call_back', { method: 'client/add', params: [3, 4] }), 7);
  },

  async 'calls nest to and fro fifty deep'({ connection }) {
    connection.onRequest('client/descend', async ({ depth }) => {
      if (depth === 0) return 0;
      return 1 + await connection.sendRequest('call_back', { method: 'client/descend', params: { depth: depth - 1 } });
    });
    assert.equal(await connection.sendRequest('call_back', { method: 'client/descend', params: { depth: 50 } }), 50);
  },

  async 'a thousand calls back at once are told apart'({ connection }) {
    connection.onRequest('client/twice', async ({ n }) => {
      await new Promise((resolve) => setTimeout(resolve, n % 7));
      return 2 * n;
    });
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) =>
      connection.sendRequest('call_back', { method: 'client/twice', params: { n } })));
    answers.forEach((answer, n) => assert.equal(answer, 2 * n));
  },

  async 'an error of the client reaches the one who asked'({ connection }) {
    connection.onRequest('client/refuse', () => new ResponseError(4711, 'not now', { retry: 5 }));
    const error = await failure(connection.sendRequest('call_back', { method: 'client/refuse' }));
    assert.equal(error.code, 4711);
    assert.equal(error.message, 'not now');
    assert.deepEqual(error.data, { retry: 5 });
    const unknown = await failure(connection.sendRequest('call_back', { method: 'client/unknown' }));
    assert.equal(unknown.code, ErrorCodes.MethodNotFound);
  },

  async 'cancelling a request cancels what the server asks of the client'({ connection }) {
    let arrived;
    const started = new Promise((resolve) => { arrived = resolve; });
    const stopped = new Promise((resolve) => {
      connection.onRequest('client/wait', (_params, token) => new Promise((answer) => {
        token.onCancellationRequested(() => {
          answer(new ResponseError(requestCancelled, 'cancelled'));
          resolve();
        });
        arrived();
      }));
    });
    const source = new CancellationTokenSource();
    const request = connection.sendRequest('call_back', { method: 'client/wait', params: {} }, source.token);
    await started;
    source.cancel();
    assert.equal((await failure(request)).code, requestCancelled);
    await stopped;
  },

  async 'shutdown is answered with null, refuses what follows, and exit ends with code 0'({ connection, closed }, server) {
    assert.equal(await connection.sendRequest('shutdown'), null);
    assert.equal((await failure(connection.sendRequest('count'))).code, ErrorCodes.InvalidRequest);
    await connection.sendNotification('exit');
    assert.deepEqual(await within(5, server.exited, 'the exit'), { code: 0, signal: null });
    await within(5, closed, 'closing');
  },

  async 'exit without shutdown ends with code 1, whatever is running'({ connection }, server) {
    const running = failure(connection.sendRequest('sleep', { ms: 60_000 })).catch(() => {});
    await connection.sendRequest('count');
    await connection.sendNotification('exit');
    assert.deepEqual(await within(5, server.exited, 'the exit'), { code: 1, signal: null });
    connection.dispose();
    await running;
  },

  async 'a client that leaves ends a stdio server, and no listener'({ connection, closed, socket }, server) {
    assert.equal(await connection.sendRequest('sum', 1, 2), 3);
    if (server.transport === 'stdio') {
      connection.end();
      assert.deepEqual(await within(5, server.exited, 'the exit'), { code: 0, signal: null });
      return;
    }
    connection.sendRequest('sleep', { ms: 60_000 }).catch(() => {});
    await connection.sendRequest('count');
    socket.destroy();
    await within(5, closed, 'closing');
    const next = await server.connect();
    assert.equal(await next.connection.sendRequest('sum', 3, 4), 7);
  },

  async 'SIGTERM ends the server cleanly while a client is connected'({ connection, closed }, server) {
    if (server.transport === 'unix') assert.equal(statSync(server.socketPath).mode & 0o777, 0o600);
    assert.equal(await connection.sendRequest('sum', 1, 2), 3);
    server.process.kill('SIGTERM');
    assert.deepEqual(await within(5, server.exited, 'the exit'), { code: 0, signal: null });
    await within(5, closed, 'closing');
    if (server.transport === 'unix') assert.ok(!existsSync(server.socketPath));
  },
};

/** Cases for listeners only: what two clients are to each other. */
export const listenerCases = {
  async 'clients are told apart, and their ids are their own'({ connection }, server) {
    const other = await server.connect();
    const handlers = [[connection, 'first'], [other.connection, 'second']];
    for (const [client, name] of handlers) client.onRequest('client/name', () => name);
    const names = await Promise.all(Array.from({ length: 100 }, (_, i) =>
      handlers[i % 2][0].sendRequest('call_back', { method: 'client/name', params: {} })));
    names.forEach((name, i) => assert.equal(name, handlers[i % 2][1]));
  },

  async 'a client that talks nonsense is dropped, the others stay'({ connection }, server) {
    const nonsense = await server.connect();
    nonsense.socket.write('Content-Length: many\r\n\r\n{}');
    await within(5, once(nonsense.socket, 'close'), 'dropping the client');
    nonsense.errors.length = 0;
    assert.equal(await connection.sendRequest('sum', 1, 2), 3);
  },
};
