// Kernels that are well behaved: what the gate makes of them must compile and give the same bytes. All read `a` (64 numbers)
// and write `o` (64 numbers); one dispatch of 2 workgroups.

const main = (body: string, size = 32): string =>
  `@compute @workgroup_size(${size}) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) at: u32, @builtin(workgroup_id) group: vec3u) {\n${body}\n}`;

export const HEAD = '@group(0) @binding(0) var<storage, read> a: array<u32>;\n@group(0) @binding(1) var<storage, read_write> o: array<u32>;\n';

export const benign: Readonly<Record<string, string>> = {
  'no loop': main('o[id.x] = a[id.x] + 1u;'),
  for: main('var s = 0u; for (var i = 0u; i < 10u; i++) { s += a[i]; } o[id.x] = s;'),
  'for without parts': main('var s = 0u; for (;;) { s++; if (s > 7u) { break; } } o[id.x] = s;'),
  while: main('var n = a[id.x] % 50u; var c = 0u; while (n > 0u) { n /= 2u; c++; } o[id.x] = c;'),
  'while with attribute': main('var n = 9u; @diagnostic(off, derivative_uniformity) while n > 3u { n--; } o[id.x] = n;'),
  'loop with continuing': main('var i = 0u; loop { if (i >= 5u) { break; } o[id.x] += i; continuing { i++; } }'),
  'loop with break if': main('var i = 0u; loop { o[id.x] += 2u; continuing { i++; break if i == 4u; } }'),
  continue: main('var s = 0u; for (var i = 0u; i < 20u; i++) { if (i % 3u == 0u) { continue; } s += i; } o[id.x] = s;'),
  'nested loops': main('var s = 0u; for (var i = 0u; i < 6u; i++) { for (var j = i; j < 6u; j++) { while (false) { } s += i * j; } } o[id.x] = s;'),
  'loop inside continuing': main('var i = 0u; loop { if (i > 3u) { break; } continuing { for (var j = 0u; j < 2u; j++) { o[id.x] += j; } i++; } }'),
  'function that only returns from a loop': `fn find(limit: u32) -> u32 { var i = 0u; loop { if (i * i > limit) { return i; } i++; } }\n${main('o[id.x] = find(a[id.x]);')}`,
  'function with a vector type': `fn pick(n: u32) -> vec2<f32> { for (var i = 0u; ; i++) { if (i == n) { return vec2<f32>(f32(i), 2.0); } } }\n${main('o[id.x] = u32(pick(id.x % 9u).x);')}`,
  'function with an array type': `fn table(n: u32) -> array<u32, 4> { var t: array<u32, 4>; for (var i = 0u; i < 4u; i++) { t[i] = i * n; } return t; }\n${main('o[id.x] = table(id.x)[3];')}`,
  'function with a struct type and a comment before the brace': `struct Pair { a: u32, b: u32 }\nfn pair(n: u32) -> Pair /* { */ // {\n { while (true) { return Pair(n, n + 1u); } return Pair(); }\n${main('let p = pair(id.x); o[id.x] = p.a * p.b;')}`,
  'bool function': `fn even(n: u32) -> bool { var m = n; loop { if (m == 0u) { return true; } if (m == 1u) { return false; } m -= 2u; } }\n${main('o[id.x] = select(1u, 2u, even(id.x));')}`,
  'functions that call each other': `fn one(x: u32) -> u32 { return x + 1u; }\nfn two(x: u32) -> u32 { return one(one(x)); }\nfn four(x: u32) -> u32 { return two(two(x)); }\n${main('for (var i = 0u; i < 3u; i++) { o[id.x] += four(id.x); }')}`,
  'barrier outside loops': `var<workgroup> w: array<u32, 32>;\n${main('w[at] = a[id.x]; workgroupBarrier(); o[id.x] = w[31u - at];')}`,
  'barrier in a loop': `var<workgroup> w: array<u32, 32>;\n${main('for (var step = 1u; step < 32u; step *= 2u) { w[at] = a[id.x] + step; workgroupBarrier(); o[id.x] += w[(at + step) % 32u]; workgroupBarrier(); }')}`,
  'reduction with barriers': `var<workgroup> w: array<u32, 32>;\n${main('w[at] = a[id.x]; workgroupBarrier(); for (var half = 16u; half > 0u; half /= 2u) { if (at < half) { w[at] += w[at + half]; } workgroupBarrier(); } o[id.x] = w[0];')}`,
  'tiled sums: barrier loop around a plain loop': `var<workgroup> w: array<u32, 32>;\n${main('var s = 0u; for (var tile = 0u; tile < 2u; tile++) { w[at] = a[tile * 32u + at]; workgroupBarrier(); for (var k = 0u; k < at; k++) { s += w[k]; } workgroupBarrier(); } o[id.x] = s;')}`,
  'barrier in a function called in a loop': `var<workgroup> w: array<u32, 32>;\nfn share(at: u32, v: u32) -> u32 { w[at] = v; workgroupBarrier(); let r = w[(at + 1u) % 32u]; workgroupBarrier(); return r; }\n${main('var v = a[id.x]; for (var i = 0u; i < 4u; i++) { v = share(at, v); } o[id.x] = v;')}`,
  'barrier loop in a function without parameters': `var<workgroup> w: array<u32, 4>;\nfn settle() { for (var i = 0u; i < 4u; i++) { workgroupBarrier(); w[i] = i; } workgroupBarrier(); }\n${main('settle(); settle(); o[id.x] = w[id.x % 4u];')}`,
  'two levels of barrier functions': `var<workgroup> w: atomic<u32>;\nfn inner() { for (var i = 0u; i < 2u; i++) { workgroupBarrier(); } }\nfn outer(n: u32) -> u32 { for (var i = 0u; i < n; i++) { inner(); } return n; }\n${main('o[id.x] = outer(3u); if (at == 0u) { atomicAdd(&w, 1u); }')}`,
  'return out of a loop before a barrier': `var<workgroup> w: u32;\n${main('for (var i = 0u; i < 3u; i++) { if (a[0] > 4000000000u) { return; } } workgroupBarrier(); if (at == 0u) { w = 5u; } workgroupBarrier(); o[id.x] = w;').replace('a[0]', 'arrayLength(&a)')}`,
  'non-uniform loop after a barrier': `var<workgroup> w: array<u32, 32>;\n${main('w[at] = at; workgroupBarrier(); for (var i = 0u; i < at; i++) { o[id.x] += w[i]; }')}`,
  'non-uniform return after a barrier': `var<workgroup> w: array<u32, 32>;\n${main('w[at] = at; workgroupBarrier(); for (var i = 0u; i < 40u; i++) { if (i == at) { o[id.x] = w[i]; return; } }')}`,
  workgroupUniformLoad: `var<workgroup> w: u32;\n${main('if (at == 0u) { w = 3u; } let n = workgroupUniformLoad(&w); for (var i = 0u; i < n; i++) { workgroupBarrier(); o[id.x] += i; }')}`,
  'storage barrier and atomics': `var<workgroup> c: atomic<u32>;\n${main('for (var i = 0u; i < 3u; i++) { atomicAdd(&c, 1u); storageBarrier(); } workgroupBarrier(); o[id.x] = atomicLoad(&c);')}`,
  'switch in a loop': main(
    'for (var i = 0u; i < 6u; i++) { switch (i % 3u) { case 0u: { o[id.x] += 1u; } case 1u, 2u: { if (i == 4u) { break; } o[id.x] += 10u; } default: { continue; } } }',
  ),
  'loop in a switch': main('switch (id.x % 2u) { case 0u: { for (var i = 0u; i < 3u; i++) { o[id.x] += i; } } default: { loop { o[id.x] = 9u; break; } } }'),
  pointers: `fn add(p: ptr<function, u32>, n: u32) { for (var i = 0u; i < n; i++) { *p += i; } }\n${main('var s = 1u; add(&s, id.x % 8u); o[id.x] = s;')}`,
  'comments with keywords and nested comments': `/* for (;;) { /* while } */ loop { */ // } for (;;) {\n${main('/**/for/**/(var i/*=*/= 0u; i < 3u; i++)/*{*/{/*}*/ o[id.x] += i; }// while {')}`,
  'overrides, consts and aliases': `alias Number = u32;\nconst COUNT: Number = 5u;\noverride extra: u32 = 2u;\n${main('for (var i: Number = 0u; i < COUNT + extra; i++) { o[id.x] += i; }')}`,
  'hex and float literals': main('var x = 0x1p-2f; for (var i = 0x0u; i < 0xAu; i++) { x += 1.5e+0f * .5 + 2.; } o[id.x] = u32(x);'),
  'members called like builtins': `struct S { length: u32, count: u32 }\n${main('var s = S(3u, 0u); while (s.count < s.length) { s.count++; } o[id.x] = s.count;')}`,
  'comparison with > before u32': main('for (var i = 0u; i < 9u; i++) { if (5u > u32(i)) { o[id.x] += 1u; } }'),
};
