'use client';
import { useSyncExternalStore } from 'react';
import { currentLink, type Link, onLink } from './session.ts';

const unknownYet: Link = { lost: false, found: 0 };

/** The page's connection, as React state. */
export const useLink = (): Link => useSyncExternalStore(onLink, currentLink, () => unknownYet);
