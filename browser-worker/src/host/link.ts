// The task Worker's end of the port: requests that wait for an answer, and messages that do not. The primitives are taken
// before scrub() removes them from the realm.
import { type BlobRef, type Digest, UdcsError } from '@udcs/protocol';
import type { FromTask, ToTask } from '../task/messages.ts';

type Answer = Extract<ToTask, { request: number }>;

export class Link {
  readonly #post: (message: FromTask, transfer: Transferable[]) => void;
  readonly #waiting = new Map<number, { readonly resolve: (answer: Answer) => void; readonly reject: (error: UdcsError) => void }>();
  #requests = 0;

  constructor(post: (message: FromTask, transfer: Transferable[]) => void) {
    this.#post = post;
  }

  send(message: FromTask, transfer: Transferable[] = []): void {
    this.#post(message, transfer);
  }

  /** @throws UdcsError INPUT_UNAVAILABLE when the control Worker can not get them */
  async read(digest: Digest): Promise<Uint8Array> {
    const answer = await this.#ask((request) => this.send({ kind: 'read', request, digest }));
    if (answer.kind !== 'bytes') throw new UdcsError('INTERNAL', 'a read was answered with something else');
    return answer.bytes;
  }

  /** `bytes` is copied: the executor may go on using its buffer. */
  async put(name: string, bytes: Uint8Array): Promise<BlobRef> {
    const copy = bytes.slice();
    const answer = await this.#ask((request) => this.send({ kind: 'put', request, name, bytes: copy }, [copy.buffer]));
    if (answer.kind !== 'stored') throw new UdcsError('INTERNAL', 'an output was answered with something else');
    return answer.ref;
  }

  answer(message: Answer): void {
    const waiting = this.#waiting.get(message.request);
    this.#waiting.delete(message.request);
    if (message.kind === 'refused') waiting?.reject(new UdcsError(message.code, message.message));
    else waiting?.resolve(message);
  }

  #ask(send: (request: number) => void): Promise<Answer> {
    const request = this.#requests++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject });
      send(request);
    });
  }
}
