// The gate every shader passes before a GPU sees it: refuses what is not offered, and gives every loop an iteration budget. An
// invocation that spends its budget leaves its loops and raises a flag in a buffer of ours, so the task fails with LOOP_BUDGET
// and never returns a wrong result. Nothing is injected on a line of its own: line numbers stay the user's.
//
// Loops that meet a barrier must stay in uniform control flow (WGSL §15). Their counter is therefore not the private one but a
// local variable, handed down by pointer: the compiler can see that it is the same in all invocations of a workgroup.
import { UdcsError } from '@udcs/protocol';
import { type FunctionShape, type Loop, ShaderShape } from './structure.ts';
import { compileError, type Token, tokenize } from './tokens.ts';

export interface TrapPlace {
  readonly group: number;
  readonly binding: number;
}

export interface GatedKernel {
  readonly code: string;
  /** False when nothing was injected that can raise the flag; the trap buffer is then not declared. */
  readonly hasTrap: boolean;
  readonly entryPoints: readonly string[];
  /** From a column in `code` back to the user's column on the same line. */
  userColumn(line: number, column: number): number;
}

interface Injection {
  readonly at: number;
  readonly text: string;
}

const ALLOWED_ENABLES = new Set(['f16', 'subgroups']);
const ALLOWED_REQUIRES = new Set([
  'readonly_and_readwrite_storage_textures',
  'packed_4x8_integer_dot_product',
  'unrestricted_pointer_parameters',
  'pointer_composite_access',
]);
/** Built-in names the injected text relies on; a shader that declares its own would change what that text means. */
const RELIED_ON = new Set(['u32', 'bool', 'atomic', 'atomicStore', 'atomicLoad', 'ptr']);
const DECLARING = new Set(['fn', 'alias', 'struct', 'const', 'override', 'var', 'let']);

const isBarrier = (name: string): boolean =>
  name === 'workgroupUniformLoad' || name.endsWith('Barrier') || name.startsWith('subgroup') || name.startsWith('quad');

function checkDirectives(shape: ShaderShape, source: string): void {
  for (const [index, token] of shape.tokens.entries()) {
    if (token.text !== 'enable' && token.text !== 'requires') continue;
    const allowed = token.text === 'enable' ? ALLOWED_ENABLES : ALLOWED_REQUIRES;
    for (let at = index + 1; at < shape.tokens.length && shape.text(at) !== ';'; at++) {
      if (shape.text(at) !== ',' && !allowed.has(shape.text(at)))
        throw compileError(`"${token.text} ${shape.text(at)}" is not offered (offered: ${[...allowed].join(', ')})`, source, token.at);
    }
  }
}

function checkNames(tokens: readonly Token[], source: string): void {
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'name') continue;
    if (token.text.startsWith('udcs_')) throw compileError(`names that begin with udcs_ are reserved, rename "${token.text}"`, source, token.at);
    if (!RELIED_ON.has(token.text)) continue;
    const before = tokens[index - 1]?.text ?? '';
    const after = tokens[index + 1]?.text ?? '';
    // `var<private> u32 = …` declares, `a > u32(b)` does not.
    if (DECLARING.has(before) || (before === '>' && (after === ':' || after === '=')))
      throw compileError(`"${token.text}" is a built-in name and can not be declared again`, source, token.at);
  }
}

/** Functions that meet a barrier, by themselves or through what they call. */
function barrierFunctions(shape: ShaderShape): ReadonlySet<string> {
  const met = new Set(shape.functions.filter((fn) => meetsBarrier(shape, fn.open, fn.close)).map((fn) => fn.name));
  for (let grew = true; grew; ) {
    grew = false;
    for (const fn of shape.functions) {
      if (met.has(fn.name) || !fn.calls.some((call) => met.has(call.name))) continue;
      met.add(fn.name);
      grew = true;
    }
  }
  return met;
}

function meetsBarrier(shape: ShaderShape, from: number, to: number): boolean {
  for (let index = from; index < to; index++) if (isBarrier(shape.text(index)) && shape.text(index + 1) === '(') return true;
  return false;
}

class Injector {
  private readonly shape: ShaderShape;
  private readonly source: string;
  private readonly budget: number;
  private readonly barriers: ReadonlySet<string>;
  readonly injections: Injection[] = [];

  constructor(shape: ShaderShape, source: string, budget: number) {
    this.shape = shape;
    this.source = source;
    this.budget = budget;
    this.barriers = barrierFunctions(shape);
  }

  private after(index: number, text: string): void {
    this.injections.push({ at: (this.shape.tokens[index]?.at ?? this.source.length) + 1, text });
  }

  private before(index: number, text: string): void {
    this.injections.push({ at: this.shape.tokens[index]?.at ?? this.source.length, text });
  }

  function(fn: FunctionShape): void {
    const countsUniformly = this.barriers.has(fn.name);
    if (countsUniformly && fn.isEntryPoint) this.after(fn.open, ' var udcs_v = 0u; let udcs_b = &udcs_v; ');
    if (countsUniformly && !fn.isEntryPoint) this.after(fn.parameters, 'udcs_b: ptr<function, u32>, ');
    for (const call of fn.calls) if (this.barriers.has(call.name)) this.after(call.open, 'udcs_b, ');
    for (const loop of fn.loops)
      this.after(loop.open, countsUniformly && this.mustBeUniform(fn, loop) ? this.uniformCheck() : ' if (udcs_spend()) { break; } ');
    // A function that only ever returned from inside a loop now has an end that can be reached.
    if (fn.loops.length > 0 && fn.returns !== null && !fn.endsWithReturn && !fn.isEntryPoint) this.before(fn.close, ` return ${fn.returns}(); `);
  }

  private uniformCheck(): string {
    return ` *udcs_b += 1u; if (*udcs_b > ${this.budget}u) { udcs_stop(); break; } `;
  }

  /** A `return` out of a loop makes what follows it only as uniform as the loop is. */
  private mustBeUniform(fn: FunctionShape, loop: Loop): boolean {
    if (meetsBarrier(this.shape, loop.from, loop.close)) return true;
    if (fn.calls.some((call) => call.open > loop.from && call.open < loop.close && this.barriers.has(call.name))) return true;
    for (let index = loop.open; index < loop.close; index++) if (this.shape.text(index) === 'return') return true;
    return false;
  }
}

/**
 * The flag is looked at in the first iteration and then now and then: once one invocation has spent its budget, all that have
 * not begun end at once, so a runaway dispatch takes one wave of invocations and not all of them.
 */
const epilogue = (budget: number, trap: TrapPlace): string => `
@group(${trap.group}) @binding(${trap.binding}) var<storage, read_write> udcs_trap: atomic<u32>;
var<private> udcs_n: u32 = 0u;
fn udcs_stop() { atomicStore(&udcs_trap, 1u); }
fn udcs_spend() -> bool {
  udcs_n += 1u;
  if (udcs_n > ${budget}u) { udcs_stop(); return true; }
  return (udcs_n & 1023u) == 1u && atomicLoad(&udcs_trap) != 0u;
}
`;

function apply(source: string, injections: readonly Injection[]): { code: string; userColumn: GatedKernel['userColumn'] } {
  const sorted = [...injections].sort((a, b) => a.at - b.at);
  const byLine = new Map<number, { column: number; length: number }[]>();
  let code = '';
  let from = 0;
  let line = 1;
  let lineStart = 0;
  for (const { at, text } of sorted) {
    code += source.slice(from, at);
    for (let breakAt = source.indexOf('\n', from); breakAt !== -1 && breakAt < at; breakAt = source.indexOf('\n', breakAt + 1)) {
      line += 1;
      lineStart = breakAt + 1;
    }
    const onLine = byLine.get(line) ?? [];
    byLine.set(line, [...onLine, { column: at - lineStart + 1, length: text.length }]);
    code += text;
    from = at;
  }
  const userColumn = (atLine: number, column: number): number => {
    let mapped = column;
    for (const injection of byLine.get(atLine) ?? []) {
      if (mapped < injection.column + injection.length && mapped >= injection.column) return injection.column;
      if (mapped >= injection.column) mapped -= injection.length;
    }
    return mapped;
  };
  return { code: code + source.slice(from), userColumn };
}

/**
 * @param budget loop iterations one invocation may make
 * @throws UdcsError KERNEL_COMPILE with line:column, KERNEL_INVALID
 */
export function gateShader(source: string, budget: number, trap: TrapPlace): GatedKernel {
  const tokens = tokenize(source);
  const shape = new ShaderShape(source, tokens);
  checkDirectives(shape, source);
  checkNames(tokens, source);
  shape.checkCallTree();
  const injector = new Injector(shape, source, budget);
  for (const fn of shape.functions) injector.function(fn);
  const entryPoints = shape.functions.filter((fn) => fn.isEntryPoint).map((fn) => fn.name);
  const hasTrap = shape.functions.some((fn) => fn.loops.length > 0);
  const { code, userColumn } = apply(source, injector.injections);
  return { code: hasTrap ? code + epilogue(budget, trap) : code, hasTrap, entryPoints, userColumn };
}

/** @throws UdcsError KERNEL_INVALID naming what the shader has instead */
export function checkEntryPoint(kernel: GatedKernel, name: string): void {
  if (kernel.entryPoints.includes(name)) return;
  const there = kernel.entryPoints.length === 0 ? 'it has none (mark one with @compute)' : `it has: ${kernel.entryPoints.join(', ')}`;
  throw new UdcsError('KERNEL_INVALID', `the shader has no entry point "${name}"; ${there}`);
}
