// One band of a picture: distance to a ring as brightness. 256 × 64 pixels, one u32 (RGBA8) each; workgroups of 8 × 8.
struct Task { UDCS_INDEX: u32, UDCS_COUNT: u32 }
@group(0) @binding(0) var<uniform> job: Task;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;

@compute @workgroup_size(8, 8)
fn paint(@builtin(global_invocation_id) id: vec3u) {
  let x = f32(id.x) / 256.0 - 0.5;
  let y = (f32(id.y) + 64.0 * f32(job.UDCS_INDEX)) / (64.0 * f32(job.UDCS_COUNT)) - 0.5;
  let ring = abs(length(vec2f(x, y)) - 0.3);
  let light = 1.0 - smoothstep(0.0, 0.1, ring);
  pixels[id.y * 256u + id.x] = pack4x8unorm(vec4f(light, light * 0.6, 0.2, 1.0));
}
