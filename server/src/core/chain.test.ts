import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Chain, type Linked } from './chain.ts';

class Bead implements Linked<Bead> {
  readonly name: number;
  chain: Chain<Bead> | null = null;
  before: Bead | null = null;
  after: Bead | null = null;
  constructor(name: number) {
    this.name = name;
  }
}

const step = fc.record({ does: fc.constantFrom('add', 'delete', 'rotate', 'clear while walking'), bead: fc.nat(7) });

describe('a chain', () => {
  it('is a set in order of arrival, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const beads = Array.from({ length: 8 }, (_, name) => new Bead(name));
        const chain = new Chain<Bead>();
        const model = new Set<Bead>();
        for (const { does, bead: at } of steps) {
          const bead = beads[at] as Bead;
          if (does === 'add') {
            chain.add(bead);
            model.add(bead);
          } else if (does === 'delete') expect(chain.delete(bead)).toBe(model.delete(bead));
          else if (does === 'rotate') {
            const taken = [...model].slice(0, at);
            expect(chain.rotate(at)).toEqual(taken);
            for (const member of taken) model.delete(member);
            for (const member of taken) model.add(member);
          } else {
            for (const member of chain) if (member.name <= at) chain.delete(member);
            for (const member of model) if (member.name <= at) model.delete(member);
          }
          expect([...chain].map(({ name }) => name)).toEqual([...model].map(({ name }) => name));
          expect(chain.size).toBe(model.size);
          for (const member of beads) expect(chain.has(member)).toBe(model.has(member));
        }
      }),
    );
  });

  it('does not take a member of another one', () => {
    const bead = new Bead(1);
    new Chain<Bead>().add(bead);
    expect(() => new Chain<Bead>().add(bead)).toThrow('another chain');
  });
});
