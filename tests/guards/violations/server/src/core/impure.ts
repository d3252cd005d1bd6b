import { row } from '../store/row.ts';
export const decide = (): number => row;
