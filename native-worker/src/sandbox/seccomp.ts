// A system call filter for what runs inside bubblewrap: takes away the calls that ordinary programs never need and kernel
// exploits like. Classic BPF, built here because it is forty instructions; architectures without a table get no filter.

/** Numbers from the kernel's syscall tables (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
interface CallTable {
  /** AUDIT_ARCH_… of <linux/audit.h>; a call of another architecture is refused. */
  readonly auditArch: number;
  readonly clone: number;
  readonly clone3: number;
  readonly socket: number;
  readonly denied: readonly number[];
}

/** open_tree … fspick, mount_setattr, io_uring_setup … io_uring_register: the same everywhere. */
const NEW_CALLS = [425, 426, 427, 428, 429, 430, 431, 432, 433, 442];

const TABLES: Readonly<Record<string, CallTable>> = {
  x64: {
    auditArch: 0xc000003e,
    clone: 56,
    clone3: 435,
    socket: 41,
    // ptrace, syslog, uselib, vhangup, modify_ldt, pivot_root, adjtimex, chroot, acct, settimeofday, mount, umount2, swapon, swapoff,
    // reboot, sethostname, setdomainname, iopl, ioperm, init_module, delete_module, quotactl, clock_settime, kexec_load, add_key,
    // request_key, keyctl, unshare, perf_event_open, name_to_handle_at, open_by_handle_at, clock_adjtime, setns, process_vm_readv,
    // process_vm_writev, kcmp, finit_module, kexec_file_load, bpf, userfaultfd
    denied: [
      101, 103, 134, 153, 154, 155, 159, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 175, 176, 179, 227, 246, 248, 249, 250, 272, 298, 303, 304,
      305, 308, 310, 311, 312, 313, 320, 321, 323,
    ],
  },
  arm64: {
    auditArch: 0xc00000b7,
    clone: 220,
    clone3: 435,
    socket: 198,
    // umount2, mount, pivot_root, chroot, quotactl, acct, unshare, kexec_load, init_module, delete_module, clock_settime, syslog,
    // ptrace, reboot, sethostname, setdomainname, settimeofday, adjtimex, add_key, request_key, keyctl, swapon, swapoff,
    // perf_event_open, name_to_handle_at, open_by_handle_at, clock_adjtime, setns, process_vm_readv, process_vm_writev, kcmp,
    // finit_module, bpf, userfaultfd, kexec_file_load
    denied: [
      39, 40, 41, 51, 60, 89, 97, 104, 105, 106, 112, 116, 117, 142, 161, 162, 170, 171, 217, 218, 219, 224, 225, 241, 264, 265, 266, 268, 270, 271, 272, 273,
      280, 282, 294,
    ],
  },
};

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const ALLOW = 0x7fff0000;
const errno = (code: number): number => 0x00050000 | code;

const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;

/** Offsets in struct seccomp_data; both architectures are little endian. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const CLONE_NEWUSER = 0x10000000;
/** Calls of the x32 ABI carry this bit. */
const X32_BIT = 0x40000000;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: all of them end inside the network namespace. AF_VSOCK and others do not. */
const FAMILIES = [1, 2, 10, 16];

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

/** struct sock_filter[] for bubblewrap's --seccomp, or null where there is no table. */
export function seccompFilter(architecture: string): Buffer | null {
  const table = TABLES[architecture];
  if (table === undefined) return null;
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 1, 0, table.auditArch],
    [RETURN, 0, 0, errno(ENOSYS)],
    [LOAD, 0, 0, NUMBER],
    [JUMP_IF_AT_LEAST, 0, 1, X32_BIT],
    [RETURN, 0, 0, errno(ENOSYS)],
    ...[...table.denied, ...NEW_CALLS].flatMap((number): Instruction[] => [
      [JUMP_IF_EQUAL, 0, 1, number],
      [RETURN, 0, 0, errno(EPERM)],
    ]),
    // Its flags lie in memory where no filter can look; C libraries fall back to clone.
    [JUMP_IF_EQUAL, 0, 1, table.clone3],
    [RETURN, 0, 0, errno(ENOSYS)],
    [JUMP_IF_EQUAL, 0, 4, table.clone],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [JUMP_IF_ANY_BIT, 0, 1, CLONE_NEWUSER],
    [RETURN, 0, 0, errno(EPERM)],
    [RETURN, 0, 0, ALLOW],
    [JUMP_IF_EQUAL, 1, 0, table.socket],
    [RETURN, 0, 0, ALLOW],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    ...FAMILIES.flatMap((family): Instruction[] => [
      [JUMP_IF_EQUAL, 0, 1, family],
      [RETURN, 0, 0, ALLOW],
    ]),
    [RETURN, 0, 0, errno(EAFNOSUPPORT)],
  ];
  return encode(program);
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, ifTrue, ifFalse, operand], at) => {
    bytes.writeUInt16LE(code, at * 8);
    bytes.writeUInt8(ifTrue, at * 8 + 2);
    bytes.writeUInt8(ifFalse, at * 8 + 3);
    bytes.writeUInt32LE(operand >>> 0, at * 8 + 4);
  });
  return bytes;
}
