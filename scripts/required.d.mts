export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string; readonly meta?: { readonly skipReason?: string } }[];
  }[];
}

export declare function judge(
  report: Report,
  required: readonly { readonly file: string; readonly why: string }[],
  where: { readonly root: string; readonly canInstall: boolean; readonly filtered: boolean },
): { passed: number; failed: number; skipped: number; lines: string[] };
