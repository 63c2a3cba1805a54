import './app/platform.ts';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import App from './app/App.vue';
import './app/tokens.css';

createApp(App).use(createPinia()).mount('#app');
