// Kernels that mean harm or are broken. Each says how it must end: refused by the gate, refused by the compiler, or stopped by
// its loop budget. None may run on, and none may return a result.
import type { ErrorCode } from '@udcs/protocol';

export interface Hostile {
  readonly code: string;
  readonly ends: ErrorCode;
}

const main = (body: string): string =>
  `@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32) {\n${body}\n}`;
const budget = (code: string): Hostile => ({ code, ends: 'LOOP_BUDGET' });
const compile = (code: string): Hostile => ({ code, ends: 'KERNEL_COMPILE' });
const invalid = (code: string): Hostile => ({ code, ends: 'KERNEL_INVALID' });

/** f0 calls f1 twice, f1 calls f2 twice …: 2^30 calls without a loop. */
const doubling = `${Array.from({ length: 30 }, (_, level) => `fn f${level}() -> u32 { return ${level === 29 ? '1u' : `f${level + 1}() + f${level + 1}()`}; }`).join('\n')}\n${main('o[0] = f0();')}`;

export const hostile: Readonly<Record<string, Hostile>> = {
  'for without end': budget(main('for (;;) { o[0] += 1u; }')),
  'while true': budget(main('while (true) { o[0] += 1u; }')),
  'while on memory that never changes': budget(main('while (a[0] < 1000u) { o[1] += 1u; }')),
  'loop without any exit': budget(main('loop { o[0] += 1u; }')),
  'loop with an exit that is never taken': budget(main('loop { if (a[0] > 1000u) { break; } o[0] += 1u; }')),
  'break if that is never true': budget(main('loop { o[0] += 1u; continuing { break if a[0] > 1000u; } }')),
  'continue around the exit': budget(main('loop { if (a[0] < 1000u) { continue; } break; }')),
  'endless loop in a function': budget(`fn spin() { for (;;) { o[0] += 1u; } }\n${main('spin();')}`),
  'endless loop with a result': budget(`fn spin() -> u32 { loop { if (a[0] > 1000u) { return 1u; } } }\n${main('o[0] = spin();')}`),
  'endless loop in a condition': budget(`fn spin() -> bool { for (;;) { if (a[0] > 1000u) { return true; } } }\n${main('while (spin()) { }')}`),
  'endless loop in a loop header': budget(
    `fn spin() -> u32 { for (;;) { if (a[0] > 1000u) { return 1u; } } }\n${main('for (var i = spin(); i < 2u; i += spin()) { o[0] += 1u; }')}`,
  ),
  'endless loop in a continuing block': budget(main('var i = 0u; loop { if (i > 2u) { break; } continuing { i++; while (a[0] < 1000u) { o[0] += 1u; } } }')),
  'endless loop in a switch': budget(main('switch (a[0]) { default: { loop { switch (a[1]) { default: { break; } } } } }')),
  'nested loops that multiply': budget(main('for (var i = 0u; i < 100000u; i++) { for (var j = 0u; j < 100000u; j++) { o[0] += j; } }')),
  'nested loops over four functions': budget(
    `fn d() { for (var i = 0u; i < 300u; i++) { o[0] += i; } }\nfn c() { for (var i = 0u; i < 300u; i++) { d(); } }\nfn b() { for (var i = 0u; i < 300u; i++) { c(); } }\n${main('for (var i = 0u; i < 300u; i++) { b(); }')}`,
  ),
  'endless barrier loop': budget(`var<workgroup> w: u32;\n${main('loop { workgroupBarrier(); if (workgroupUniformLoad(&w) > 0u) { break; } }')}`),
  'barrier loops that multiply over functions': budget(
    `fn inner() { for (var i = 0u; i < 100000u; i++) { workgroupBarrier(); } }\n${main('for (var i = 0u; i < 100000u; i++) { inner(); }')}`,
  ),
  'endless loop in a barrier function': budget(`fn f() { workgroupBarrier(); for (;;) { o[0] += 1u; } }\n${main('f();')}`),
  'counter that wraps around': budget(main('for (var i = 1u; i != 0u; i += 2u) { o[0] = i; }')),
  'loop hidden behind a comment that other line breaks end': compile(`// \u2028 fn spin() { for (;;) { o[0] += 1u; } }\n${main('spin();')}`),
  'loop between comments': budget(main('/* */ for /* ( */ (;;) /* { */ { o[0] += 1u; /* } */ }')),
  'doubling calls without a loop': invalid(doubling),
  recursion: invalid(`fn f(n: u32) -> u32 { if (n == 0u) { return 0u; } return g(n); }\nfn g(n: u32) -> u32 { return f(n - 1u); }\n${main('o[0] = f(5u);')}`),
  'own name for a built-in': compile(`fn atomicStore(p: u32, v: u32) { }\n${main('for (;;) { o[0] += 1u; }')}`),
  'own type for a built-in': compile(`alias u32 = i32;\n${main('for (;;) { }')}`),
  'own variable for a built-in': compile(`var<private> u32: f32 = 1.0;\n${main('for (;;) { }')}`),
  'reset of the counter': compile(main('for (;;) { udcs_n = 0u; o[0] += 1u; }')),
  'own trap': compile(`var<private> udcs_trap: i32;\n${main('o[0] = 1u;')}`),
  'unknown extension': compile(`enable chromium_experimental_dp4a;\n${main('o[0] = 1u;')}`),
  'name that is not ASCII': compile(main('let \u00fcber = 1u; o[0] = \u00fcber;')),
  'zero character': compile(main('o[0] = 1u;\0')),
  'comment without end': compile(`${main('o[0] = 1u;')}/* /* */`),
  'brackets that do not match': compile(`${main('o[0] = (1u;')})`),
  'closed too often': compile(`${main('o[0] = 1u;')} }`),
  'nested too deep': compile(main(`o[0] = ${'('.repeat(5_000)}1u${')'.repeat(5_000)};`)),
  'loop without a body': compile(main('for (;;) ; o[0] = 1u;')),
  'too many tokens': compile(main(';'.repeat(200_100))),
  'barrier in non-uniform control flow': compile(main('if (a[id.x] > 3u) { workgroupBarrier(); }')),
  'private memory without bound': compile(`var<private> p: array<u32, 100000000>;\n${main('o[0] = p[id.x];')}`),
  'workgroup memory past the limit': invalid(`var<workgroup> p: array<u32, 60000>;\n${main('p[id.x] = 1u; workgroupBarrier(); o[0] = p[0];')}`),
  'workgroup size past the limit': invalid(main('o[0] = 1u;').replace('workgroup_size(1)', 'workgroup_size(64, 64)')),
  'workgroup size in an override': invalid(`override n: u32 = 65536u;\n${main('o[0] = 1u;').replace('workgroup_size(1)', 'workgroup_size(n)')}`),
  'no compute entry point': invalid('@fragment fn main() -> @location(0) vec4f { return vec4f(); }'),
  'binding that does not exist': invalid(`@group(3) @binding(7) var<storage, read_write> x: array<u32>;\n${main('x[0] = 1u;')}`),
};
