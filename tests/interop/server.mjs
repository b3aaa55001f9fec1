// Starts a server over one transport and connects vscode-jsonrpc to it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { createMessageConnection, ResponseError, SocketMessageReader, SocketMessageWriter, StreamMessageReader,
         StreamMessageWriter } from 'vscode-jsonrpc/node.js';

export const transports = ['stdio', 'tcp', 'unix'];

/** A promise that fails when `promise` has not settled after `seconds`. */
export async function within(seconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The ResponseError that a request must end with. */
export async function failure(request) {
  let result;
  try {
    result = await request;
  } catch (error) {
    assert.ok(error instanceof ResponseError, `not an answer: ${error}`);
    return error;
  }
  assert.fail(`expected an error, got ${JSON.stringify(result)}`);
}

/** One running server. Always ended by `stop`, whatever became of it. */
export class Server {
  static async start(program, transport) {
    const server = new Server();
    server.transport = transport;
    server.clients = [];
    server.stdout = '';
    server.stderr = '';
    if (transport === 'unix') {
      server.directory = await mkdtemp(path.join(os.tmpdir(), 'antiphon-'));
      server.socketPath = path.join(server.directory, 'socket');
    }
    server.process = spawn(program, server.arguments());
    server.exited = once(server.process, 'exit').then(([code, signal]) => ({ code, signal }));
    const listening = server.listening();
    if (transport === 'stdio') return server;

    server.process.stdout.on('data', (data) => { server.stdout += data; });
    const died = server.exited.then(() => Promise.reject(new Error(`no "listening" line: ${server.stderr}`)));
    try {
      server.address = await within(10, Promise.race([listening, died]), 'starting the server');
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  arguments() {
    if (this.transport === 'tcp') return ['--tcp', '127.0.0.1:0'];
    if (this.transport === 'unix') return ['--unix', this.socketPath];
    return ['--stdio'];
  }

  /** The address that the server announces. Reads its stderr to the end, whatever it says. */
  listening() {
    const lines = readline.createInterface({ input: this.process.stderr });
    return new Promise((resolve) => lines.on('line', (line) => {
      this.stderr += `${line}\n`;
      if (line.startsWith('listening ')) resolve(line.slice('listening '.length));
    }));
  }

  /** A vscode-jsonrpc connection. Over stdio there is one, sockets take as many as one asks for. */
  async connect() {
    let connection;
    let socket;
    if (this.transport === 'stdio') {
      connection = createMessageConnection(new StreamMessageReader(this.process.stdout),
                                           new StreamMessageWriter(this.process.stdin));
    } else {
      socket = this.transport === 'unix' ? net.connect(this.socketPath)
                                         : net.connect(Number(this.address.split(':').pop()), '127.0.0.1');
      await within(10, once(socket, 'connect'), 'connecting');
      connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
    }
    const client = { connection, socket, errors: [] };
    client.closed = new Promise((resolve) => connection.onClose(resolve));
    connection.onError(([error]) => client.errors.push(error.message));
    connection.onUnhandledNotification((message) => client.errors.push(`unexpected ${message.method}`));
    connection.listen();
    this.clients.push(client);
    return client;
  }

  async stop() {
    for (const { connection, socket } of this.clients) {
      connection.dispose();
      socket?.destroy();
    }
    this.process.stdin.destroy();
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.exited;
    if (this.directory) await rm(this.directory, { recursive: true, force: true });
  }
}
