// The library wants its polyfill to be there before it is: nobody imports it but through here.
import 'reflect-metadata';

export * from '@peculiar/x509';
