// A Chromium started by hand and driven by raw DevTools messages: Playwright keeps every page "visible" and does not reach into
// Workers of Workers, and both are what some tests are about.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { browserArgs, chromiumPath } from './chromium.ts';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
  readonly sessionId?: string;
}

export interface Target {
  readonly session: string;
  readonly type: string;
  readonly url: string;
}

export class Devtools {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }>();
  readonly targets = new Map<string, Target>();
  #ids = 0;

  private constructor(process: ChildProcess, socket: WebSocket, profile: string) {
    this.#process = process;
    this.#socket = socket;
    this.#profile = profile;
    socket.on('message', (data) => this.#onMessage(JSON.parse(String(data)) as Message));
  }

  /** The intensive throttling of long-hidden tabs begins after 10 s instead of 5 minutes. */
  static async start(): Promise<Devtools> {
    if (chromiumPath === null) throw new Error('no chromium');
    const profile = await mkdtemp(join(tmpdir(), 'udcs-devtools-'));
    const args = [
      '--headless',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      ...browserArgs(['IntensiveWakeUpThrottling:grace_period_seconds/10']),
      'about:blank',
    ];
    const child = spawn(chromiumPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      const deadline = setTimeout(() => reject(new Error(`chromium did not start: ${text.slice(-500)}`)), 30_000);
      child.stderr?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
        if (found === undefined) return;
        clearTimeout(deadline);
        resolve(found);
      });
    });
    const socket = new WebSocket(address, { maxPayload: 64 * 1024 * 1024 });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new Devtools(child, socket, profile);
  }

  async stop(): Promise<void> {
    this.#socket.close();
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    const deadline = setTimeout(() => this.#process.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(deadline);
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  call(method: string, params: Record<string, unknown> = {}, session?: string): Promise<Record<string, unknown>> {
    const id = ++this.#ids;
    this.#socket.send(JSON.stringify({ id, method, params, ...(session === undefined ? {} : { sessionId: session }) }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** A new tab in front, attached, with all its Workers attached as they come. */
  async openTab(url: string): Promise<{ readonly targetId: string; readonly session: string }> {
    const { targetId } = (await this.call('Target.createTarget', { url })) as { targetId: string };
    const { sessionId } = (await this.call('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
    await this.#follow(sessionId);
    return { targetId, session: sessionId };
  }

  activate(targetId: string): Promise<unknown> {
    return this.call('Target.activateTarget', { targetId });
  }

  /** @param gesture as if a person had just clicked */
  async evaluate<T>(session: string, expression: string, gesture = false): Promise<T> {
    const answer = (await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true, userGesture: gesture }, session)) as {
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.exception?.description ?? answer.exceptionDetails.text);
    return answer.result.value;
  }

  async #follow(session: string): Promise<void> {
    await this.call('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true }, session);
  }

  #onMessage(message: Message): void {
    if (message.id !== undefined) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error !== undefined) waiting?.reject(new Error(message.error.message));
      else waiting?.resolve(message.result ?? {});
      return;
    }
    if (message.method === 'Target.attachedToTarget') {
      const { sessionId, targetInfo } = message.params as { sessionId: string; targetInfo: { type: string; url: string } };
      this.targets.set(sessionId, { session: sessionId, type: targetInfo.type, url: targetInfo.url });
      // A Worker may be gone before it can be followed.
      this.#follow(sessionId).catch(() => undefined);
    }
    if (message.method === 'Target.detachedFromTarget') this.targets.delete((message.params as { sessionId: string }).sessionId);
  }
}
