// Calls one exported function with the spec's params and makes its result JSON. WebAssembly does not tell a function's types,
// so i64 parameters are marked by the submitter ("123n") and mistakes are answered with words.
import { UdcsError } from '@udcs/protocol';
import type { WasmSpec } from '../task.ts';
import { moduleInvalid } from './leb128.ts';

function paramOf(param: number | string): number | bigint {
  if (typeof param === 'number') return param;
  if (/^[-+]?[0-9]+n$/.test(param)) return BigInt(param.slice(0, -1).replace('+', ''));
  const value = Number(param);
  if (param.trim() === '' || Number.isNaN(value))
    throw new UdcsError('INVALID_INPUT', `parameter "${param}" is not a number`, { hint: 'write 42, 1.5 or, for an i64, 42n' });
  return value;
}

/** Numbers as they are, an i64 as "123n", what JSON can not say as text ("NaN", "Infinity", "-Infinity"), several results as a list. */
function jsonOf(result: unknown): unknown {
  if (result === undefined) return null;
  if (typeof result === 'bigint') return `${result}n`;
  if (typeof result === 'number') return Number.isFinite(result) ? result : String(result);
  if (Array.isArray(result)) return result.map(jsonOf);
  throw moduleInvalid('the function returns a reference; only numbers can be returned');
}

export function callExport(exports: WebAssembly.Exports, spec: WasmSpec): unknown {
  const called = exports[spec.entryPoint];
  if (typeof called !== 'function') {
    const names = Object.entries(exports).flatMap(([name, entry]) => (typeof entry === 'function' ? [name] : []));
    throw moduleInvalid(
      `the module exports no function "${spec.entryPoint}"`,
      names.length === 0 ? 'it exports no function at all' : `it exports: ${names.slice(0, 20).join(', ')}`,
    );
  }
  if (called.length !== spec.params.length)
    throw new UdcsError('INVALID_INPUT', `"${spec.entryPoint}" takes ${called.length} parameters, params has ${spec.params.length}`);
  const params = spec.params.map(paramOf);
  const initialize = exports['_initialize'];
  if (typeof initialize === 'function') initialize();
  try {
    return jsonOf(called(...params));
  } catch (thrown) {
    if (!(thrown instanceof TypeError) && !(thrown instanceof SyntaxError)) throw thrown;
    throw new UdcsError('INVALID_INPUT', `a parameter of "${spec.entryPoint}" has the wrong type: ${thrown.message}`, {
      hint: 'an i64 is written "42n", every other number without the n',
      cause: thrown,
    });
  }
}
