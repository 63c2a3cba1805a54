import './app/platform.ts';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import App from './app/App.vue';
import { useTheme } from './app/theme.ts';
import './app/tokens.css';
import './app/base.css';

const window = createApp(App).use(createPinia());
// Before anything is drawn: the page never shines white in the dark.
useTheme();
window.mount('#app');
