// The picture of the demo: drops of glass and clay on a still floor, by sphere tracing of a smooth distance field
// (Hart, "Sphere tracing", 1996), with soft shadows (Quilez, penumbra from the closest miss), ambient occlusion, a fresnel
// reflection of the sky and four samples a pixel. Everything is continuous, so that two GPUs agree to the last bits or so.
//
// One task draws one tile; one invocation draws one pixel. Output: one u32 per pixel, RGBA8, row-major inside the tile.

struct Tile {
  tile_index: u32,      // which tile, row by row
  first_row_group: u32, // first workgroup row of this submit: a tile is drawn in short submits
  picture_width: u32,
  picture_height: u32,
  tile_width: u32,
  tile_height: u32,
}

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;

const STEPS = 56;
const SHADOW_STEPS = 20;
const FAR = 22.0;
const LIGHT = vec3f(0.5347, 0.7295, -0.4265); // unit length

fn smooth_union(a: f32, b: f32, k: f32) -> f32 {
  let h = max(k - abs(a - b), 0.0) / k;
  return min(a, b) - h * h * k * 0.25;
}

fn drops(p: vec3f) -> f32 {
  var d = length(p - vec3f(-1.35, 0.80, 0.35)) - 0.95;
  d = smooth_union(d, length(p - vec3f(-0.15, 0.42, -0.45)) - 0.55, 0.55);
  d = smooth_union(d, length(p - vec3f(0.55, 1.25, 0.55)) - 0.62, 0.70);
  d = smooth_union(d, length(p - vec3f(1.55, 0.62, 0.05)) - 0.78, 0.60);
  d = smooth_union(d, length(p - vec3f(2.55, 0.30, -0.75)) - 0.36, 0.45);
  return d;
}

fn ring(p: vec3f) -> f32 {
  let q = p - vec3f(-2.9, 0.62, -0.9);
  return length(vec2f(length(q.xy) - 0.50, q.z)) - 0.12;
}

fn field(p: vec3f) -> f32 {
  // Far from the drops the bounding sphere is distance enough: most rays of the sky never evaluate them.
  let bound = length(p - vec3f(0.0, 0.7, 0.0)) - 4.0;
  if (bound > 0.6) { return min(p.y, bound + 0.3); }
  return min(p.y, min(drops(p), ring(p)));
}

fn normal_at(p: vec3f) -> vec3f {
  let e = vec2f(1.0, -1.0) * 0.0015;
  return normalize(e.xyy * field(p + e.xyy) + e.yyx * field(p + e.yyx) + e.yxy * field(p + e.yxy) + e.xxx * field(p + e.xxx));
}

fn sky(direction: vec3f) -> vec3f {
  let up = clamp(direction.y, 0.0, 1.0);
  let horizon = mix(vec3f(0.92, 0.50, 0.26), vec3f(0.045, 0.110, 0.300), pow(up, 0.50));
  let sun = pow(max(dot(direction, LIGHT), 0.0), 48.0);
  return horizon + vec3f(1.0, 0.72, 0.42) * sun * 0.8;
}

fn soft_shadow(origin: vec3f) -> f32 {
  var lit = 1.0;
  var t = 0.03;
  for (var i = 0; i < SHADOW_STEPS; i++) {
    let d = field(origin + LIGHT * t);
    lit = min(lit, 9.0 * d / t);
    t += clamp(d, 0.04, 0.45);
    if (lit < 0.003 || t > 7.0) { break; }
  }
  let s = clamp(lit, 0.0, 1.0);
  return s * s * (3.0 - 2.0 * s);
}

fn occlusion(p: vec3f, n: vec3f) -> f32 {
  var dark = 0.0;
  var weight = 0.55;
  for (var i = 1; i <= 4; i++) {
    let h = 0.11 * f32(i);
    dark += (h - field(p + n * h)) * weight;
    weight *= 0.6;
  }
  return clamp(1.0 - 1.6 * dark, 0.0, 1.0);
}

fn shade(p: vec3f, direction: vec3f, t: f32) -> vec3f {
  let n = normal_at(p);
  let thing = min(drops(p), ring(p));
  let on_floor = smoothstep(0.004, 0.012, thing - p.y);
  // Rings in the floor and a slow turn of colour over the drops: smooth, so no sample can fall on an edge.
  let ripple = 0.5 + 0.5 * sin(length(p.xz - vec2f(-0.3, 0.2)) * 5.0);
  let floor_colour = mix(vec3f(0.060, 0.066, 0.085), vec3f(0.105, 0.110, 0.130), ripple);
  let turn = 0.5 + 0.5 * sin(p.x * 1.1 + p.y * 1.7 + vec3f(0.4, 0.9, 1.7));
  let ring_near = smoothstep(0.10, 0.0, ring(p));
  let clay = mix(mix(vec3f(0.010, 0.105, 0.260), vec3f(0.780, 0.130, 0.045), turn), vec3f(0.900, 0.480, 0.090), ring_near);
  let albedo = mix(clay, floor_colour, on_floor);

  let shadow = soft_shadow(p + n * 0.01);
  let ambient = occlusion(p, n);
  let diffuse = max(dot(n, LIGHT), 0.0) * shadow;
  let half_way = normalize(LIGHT - direction);
  let gloss = mix(1.0, 0.10, on_floor);
  let highlight = pow(max(dot(n, half_way), 0.0), 90.0) * shadow * gloss;
  let fresnel = (0.04 + 0.70 * pow(clamp(1.0 + dot(n, direction), 0.0, 1.0), 5.0)) * mix(1.0, 0.55, on_floor);

  var colour = albedo * (diffuse * vec3f(2.60, 2.05, 1.45) + ambient * (0.40 + 0.25 * n.y) * vec3f(0.55, 0.75, 1.10));
  colour = mix(colour, sky(reflect(direction, n)) * ambient, fresnel) + highlight * vec3f(1.2, 1.08, 0.9);
  let far = t / 14.0;
  let haze = 1.0 - exp(-far * far * far * far);
  return mix(colour, sky(vec3f(direction.x, 0.0, direction.z)), haze);
}

fn radiance(direction: vec3f, origin: vec3f) -> vec3f {
  var t = 0.5;
  for (var i = 0; i < STEPS; i++) {
    let d = field(origin + direction * t);
    if (d < 0.0006 * t || t > FAR) { break; }
    t += d;
  }
  if (t > FAR) { return sky(direction); }
  return shade(origin + direction * t, direction, t);
}

fn tone(linear: vec3f) -> vec3f {
  // Filmic curve of Narkowicz (ACES fit, 2015), then display gamma.
  let x = linear * 0.80;
  let mapped = clamp((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), vec3f(0.0), vec3f(1.0));
  return pow(mapped, vec3f(1.0 / 2.2));
}

@compute @workgroup_size(8, 8)
fn draw(@builtin(global_invocation_id) id: vec3u) {
  let local = vec2u(id.x, id.y + tile.first_row_group * 8u);
  if (local.x >= tile.tile_width || local.y >= tile.tile_height) { return; }
  let across = tile.picture_width / tile.tile_width;
  let corner = vec2u((tile.tile_index % across) * tile.tile_width, (tile.tile_index / across) * tile.tile_height);
  let size = vec2f(f32(tile.picture_width), f32(tile.picture_height));

  let origin = vec3f(0.35, 1.95, -6.4);
  let forward = normalize(vec3f(-0.02, 0.62, 0.0) - origin);
  let right = normalize(cross(vec3f(0.0, 1.0, 0.0), forward));
  let up = cross(forward, right);

  var sum = vec3f(0.0);
  for (var s = 0u; s < 4u; s++) {
    // A rotated grid: no two samples share a row or a column.
    let offset = vec2f(f32((s * 2u + 1u) % 5u), f32(s)) * 0.25 + 0.125;
    let at = (vec2f(corner + local) + fract(offset) - size * 0.5) / size.y;
    let direction = normalize(forward * 1.75 + right * at.x * 2.0 - up * at.y * 2.0);
    sum += tone(radiance(direction, origin));
  }
  let colour = vec4f(sum * 0.25, 1.0);
  pixels[local.y * tile.tile_width + local.x] = pack4x8unorm(colour);
}
