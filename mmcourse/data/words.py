"""What the French and Spanish voices of GCompris say in the files of ``words/`` and ``colors/``, by file name.

File names are English; what is said stands in a file of the program, not beside the recordings (Brazilian Portuguese
brings its own). This is our translation of the names that have one plain translation; the others are left out. It
was not checked by ear.
"""

from __future__ import annotations

import functools

FRENCH = """
accountant comptable; acorn gland; actor acteur; alligator alligator; alphabet alphabet; anchor ancre; angel ange;
animal animal; ankle cheville; ant fourmi; anteater fourmilier; antelope antilope; apple pomme; apple_tree pommier;
apricot abricot; arm bras; armchair fauteuil; artichoke artichaut; artist artiste; asparagus asperge;
astronaut astronaute; athlete athlète; avocado avocat; ax hache; baby_bottle biberon; back dos; badge badge; bag sac;
balance balance; bald chauve; ball balle; ballet ballet; bank banque; bat chauve-souris; bath bain; bay baie;
beach plage; bean haricot; bear ours; beard barbe; beaver castor; bed lit; bedroom chambre; bee abeille; beef bœuf;
beetle scarabée; behind derrière; bell cloche; belly ventre; bench banc; bib bavoir; big gros; bird oiseau;
blackberry mûre; blackbird merle; blade lame; blind aveugle; block bloc; blond blond; blue bleu; blueberry myrtille;
board planche; boat bateau; bomb bombe; bone os; book livre; bookcase bibliothèque; box boîte; boxer boxeur;
boy garçon; braid tresse; brain cerveau; branch branche; bread pain; brick brique; bricklayer maçon; bride mariée;
bridge pont; broccoli brocoli; brother frère; brown marron; bubble bulle; bucket seau; bud bourgeon; buffalo buffle;
bulb ampoule; bull taureau; bus bus; bush buisson; butcher boucher; butter beurre; butterfly papillon; button bouton;
cabbage chou; cabin cabane; cacao cacao; cactus cactus; cage cage; cake gâteau; camel chameau; camera caméra;
candle bougie; candy bonbon; cane canne; canoe canoë; canon canon; canyon canyon; cape cape; car voiture;
carafe carafe; card carte; carnival carnaval; carpenter charpentier; carrot carotte; castle château; cat chat;
cat_female chatte; caterpillar chenille; cauldron chaudron; cauliflower chou-fleur; cavern caverne; celery céleri;
centipede mille-pattes; cereal céréales; chain chaîne; chair chaise; chalk craie; chameleon caméléon; cheek joue;
cheese fromage; cherry cerise; chick poussin; chicken poulet; chief chef; child enfant; chimney cheminée;
chimp chimpanzé; chin menton; chocolate chocolat; christmas noël; cigar cigare; circus cirque; city ville;
clam palourde; class classe; claw griffe; clay argile; clean propre; cliff falaise; clock horloge; cloud nuage;
cloudy nuageux; clover trèfle; clown clown; coat manteau; cobra cobra; coconut noix de coco; cod morue; coffee café;
coin pièce; cold froid; color couleur; comb peigne; cone cône; cork bouchon; corn maïs; couch canapé; couple couple;
cow vache; cowboy cow-boy; crab crabe; crazy fou; crocodile crocodile; crow corbeau; crown couronne; crumb miette;
crust croûte; crystal cristal; cube cube; cucumber concombre; curtain rideau; dad papa; daffodil jonquille;
daisy marguerite; dam barrage; dance danse; dandelion pissenlit; danger danger; desert désert; desk bureau;
dessert dessert; diamond diamant; dirty sale; doctor docteur; dog chien; doll poupée; dolphin dauphin; domino domino;
door porte; doormat paillasson; dot point; dove colombe; dragon dragon; dragonfly libellule; drawer tiroir;
dream rêve; dress robe; drum tambour; dry sec; duck canard; dune dune; dwarf nain; eagle aigle; ear oreille;
earth terre; eat manger; egg œuf; eggplant aubergine; elbow coude; electrician électricien; empty vide; engine moteur;
engineer ingénieur; eraser gomme; eyes yeux; face visage; fairy fée; family famille; farm ferme; farmer fermier;
fat gros; faucet robinet; fawn faon; feast festin; feather plume; femur fémur; fig figue; finger doigt; fire feu;
fire_extinguisher extincteur; fireman pompier; fish poisson; fisherman pêcheur; fist poing; flacon flacon;
flag drapeau; flame flamme; flamingo flamant rose; flat plat; flight vol; float flotter; flour farine; flower fleur;
fluff peluche; flute flûte; fly mouche; foam mousse; food nourriture; foot pied; forest forêt; fork fourchette;
fountain fontaine; fox renard; fries frites; frog grenouille; fruit fruit; full plein; fur fourrure; game jeu;
garage garage; garden jardin; garlic ail; giant géant; gift cadeau; giraffe girafe; girl fille; glass verre;
glasses lunettes; glove gant; glue colle; gnome gnome; goat chèvre; golden doré; golf golf; goose oie;
gorilla gorille; grain grain; grandmother grand-mère; grape raisin; grapefruit pamplemousse; grass herbe; grave tombe;
gray gris; green vert; grill grill; guignol guignol; guinea_pig cochon d'inde; hair cheveux; hair_dryer sèche-cheveux;
half moitié; ham jambon; hammer marteau; hand main; handlebar guidon; happy heureux; harp harpe; hat chapeau;
hay foin; head tête; hedge haie; hedgehog hérisson; heel talon; helmet casque; hen poule; high haut; hill colline;
hip hanche; hippopotamus hippopotame; hive ruche; hockey hockey; hole trou; hook crochet; horse cheval;
hospital hôpital; hot chaud; house maison; hummingbird colibri; hunchback bossu; hunter chasseur; husband mari;
hyena hyène; iceberg iceberg; iguana iguane; ill malade; ink encre; island île; jacket veste; jaguar jaguar;
jam confiture; jay geai; jelly gelée; jellyfish méduse; jewel bijou; jockey jockey; judge juge; judo judo;
juggler jongleur; juice jus; kangaroo kangourou; keyboard clavier; kimono kimono; king roi; kitchen cuisine;
kitten chaton; kiwi kiwi; knee genou; knife couteau; knight chevalier; knot nœud; koala koala; lady dame;
ladybug coccinelle; lake lac; lama lama; lamb agneau; lamp lampe; lasso lasso; lava lave; lawn pelouse; lawyer avocat;
leaf feuille; leek poireau; left gauche; leg jambe; leg_animal patte; lemon citron; lemonade limonade;
leopard léopard; lettuce laitue; librarian bibliothécaire; lick lécher; lid couvercle; light lumière;
lighthouse phare; lightning éclair; lilac lilas; line ligne; lion lion; lion_cub lionceau; lip lèvre; liquid liquide;
lizard lézard; lobster homard; magic magie; magnet aimant; magnifying_glass loupe; magpie pie; man homme;
mane crinière; mango mangue; map carte; maple érable; marble bille; mask masque; mattress matelas; mauve mauve;
meal repas; meat viande; mechanic mécanicien; medal médaille; melon melon; men hommes; merry-go-round manège;
microphone microphone; milk lait; mill moulin; mimosa mimosa; mirror miroir; mole taupe; mom maman; moon lune;
moose élan; mosque mosquée; mosquito moustique; mother mère; motorcycle moto; mountain montagne; mouse souris;
mouth bouche; mud boue; mug tasse; mule mule; muscle muscle; mushroom champignon; music musique; musician musicien;
nail clou; naked nu; nap sieste; navel nombril; neck cou; necklace collier; needle aiguille; nest nid; net filet;
newspaper journal; night nuit; nightgown chemise de nuit; nose nez; nostril narine; notebook cahier; number nombre;
nurse infirmière; nurse_male infirmier; nut noix; oar rame; ocean océan; office bureau; olive olive; on sur;
onion oignon; open ouvert; opossum opossum; orange orange; orange-color orange; orchid orchidée; ostrich autruche;
otter loutre; owl hibou; ox bœuf; oyster huître; pacifier tétine; page page; pair paire; pajamas pyjama;
palm_tree palmier; panda panda; panther panthère; pants pantalon; papaya papaye; paper papier; parachute parachute;
parakeet perruche; parrot perroquet; path chemin; paw patte; pea petit pois; peach pêche; peacock paon; pear poire;
pearl perle; pedal pédale; pelican pélican; pen stylo; pencil crayon; peony pivoine; pepper poivre; petal pétale;
phone téléphone; piano piano; picture image; pie tarte; pig cochon; pigeon pigeon; pill pilule; pillow oreiller;
pilot pilote; pine pin; pine_cone pomme de pin; pink rose; pip pépin; pipe pipe; piranha piranha; pirate pirate;
pizza pizza; plane avion; planet planète; plant plante; plate assiette; play jouer; plum prune; plumber plombier;
pocket poche; pole poteau; police police; pompon pompon; pond étang; pony poney; pool piscine; pope pape;
porthole hublot; pot pot; present cadeau; president président; pretty joli; price prix; priest prêtre; prince prince;
princess princesse; prison prison; prisoner prisonnier; prize prix; pullover pull; pumpkin citrouille; puppy chiot;
pyramid pyramide; queen reine; question question; quilt couette; quiz quiz; rabbit lapin; rabbit_baby lapereau;
race course; radio radio; radish radis; raft radeau; rage rage; rain pluie; raincoat imperméable; rake râteau;
ramp rampe; raspberry framboise; rat rat; razor rasoir; read lire; red rouge; reptile reptile; rhinoceros rhinocéros;
rice riz; right droite; river rivière; road route; robot robot; rock rocher; rocket fusée;
rolling_pin rouleau à pâtisserie; roof toit; room pièce; root racine; rope corde; rose rose; round rond; royal royal;
run courir; sad triste; saddle selle; sail voile; sailor marin; salamander salamandre; salmon saumon; sand sable;
sandals sandales; sandwich sandwich; sauce sauce; sausage saucisse; scale balance; scar cicatrice; scarf écharpe;
school école; school_bag cartable; science science; scissors ciseaux; scorpion scorpion; screen écran; screw vis;
screwdriver tournevis; sea mer; seat siège; seed graine; shadow ombre; shark requin; sheep mouton; shelf étagère;
shell coquillage; ship navire; shirt chemise; shoe chaussure; shoelace lacet; shop magasin; short court; shovel pelle;
shower douche; shrimp crevette; shut fermé; shutter volet; sick malade; sidewalk trottoir; sing chanter; sink évier;
sister sœur; skate patin; skeleton squelette; ski ski; skin peau; skirt jupe; skunk mouffette; sky ciel; sled luge;
sleep dormir; sleeve manche; sleigh traîneau; slide toboggan; slipper pantoufle; slippers pantoufles; sloth paresseux;
slug limace; small petit; smile sourire; smoke fumée; snail escargot; snake serpent; snow neige; soap savon;
sock chaussette; soldier soldat; son fils; soup soupe; spade bêche; spaghetti spaghetti; spark étincelle;
sparrow moineau; spatula spatule; spear lance; spice épice; spider araignée; spider_web toile d'araignée;
spike pointe; spinach épinard; spinning_top toupie; sponge éponge; spool bobine; spoon cuillère; sport sport;
spring ressort; spring_season printemps; square carré; squash courge; squid calmar; squirrel écureuil;
staircase escalier; stamp timbre; star étoile; starfish étoile de mer; steak steak; steam vapeur; stem tige;
stew ragoût; stomach estomac; stone pierre; stop stop; stork cigogne; straight droit; strainer passoire; straw paille;
strawberry fraise; stream ruisseau; street rue; string ficelle; strong fort; student étudiant; stump souche;
sugar sucre; suit costume; suitcase valise; summer été; summit sommet; sun soleil; swan cygne; sweat sueur;
swim nager; table table; tablecloth nappe; tadpole têtard; tag étiquette; tail queue; tall grand; tape_measure mètre;
taxi taxi; teacher maîtresse; teeth dents; television télévision; temple temple; tennis tennis; tent tente;
text texte; thief voleur; thigh cuisse; think penser; thread fil; throat gorge; thumb pouce; ticket ticket;
tiger tigre; tire pneu; tired fatigué; tissue mouchoir; toad crapaud; toaster grille-pain; toe orteil;
toilet toilettes; tomatoe tomate; tongue langue; tool outil; torch torche; touch toucher; towel serviette; toy jouet;
train train; train_station gare; trap piège; tray plateau; tree arbre; triangle triangle; tribe tribu; trip voyage;
truck camion; tube tube; tulip tulipe; turkey dinde; turnip navet; turtle tortue; tusk défense; twin_boys jumeaux;
twin_girls jumelles; umbrella parapluie; uniform uniforme; vase vase; vegetable légume; vein veine; verdure verdure;
vest gilet; vet vétérinaire; viper vipère; vowel voyelle; vulture vautour; walk marcher; wall mur; walnut noix;
wart verrue; wasp guêpe; watch montre; water eau; wave vague; wedding mariage; weight poids; wet mouillé;
whale baleine; wheat blé; wheel roue; whisk fouet; white blanc; wig perruque; wind vent; window fenêtre;
window_glass vitre; wing aile; winter hiver; wolf loup; woman femme; wood bois; word mot; worker ouvrier; world monde;
wrist poignet; write écrire; yellow jaune; yogurt yaourt; zebra zèbre; zoo zoo; black noir; grey gris; purple violet
"""

SPANISH = """
acorn bellota; actor actor; admire admirar; age edad; air aire; alligator caimán; alphabet alfabeto; always siempre;
anchor ancla; angel ángel; animal animal; ankle tobillo; ant hormiga; antelope antílope; apple manzana;
apricot albaricoque; april abril; arm brazo; armchair sillón; artichoke alcachofa; artist artista;
asparagus espárrago; astronaut astronauta; athlete atleta; august agosto; avocado aguacate; baby bebé; back espalda;
bad malo; bag bolsa; bald calvo; ballet ballet; bank banco; barn granero; basket cesta; beach playa; bean frijol;
beard barba; bed cama; bedroom dormitorio; bee abeja; bell campana; belly barriga; big grande; bike bicicleta;
bird pájaro; black negro; blind ciego; blond rubio; blue azul; boat barco; bomb bomba; bone hueso; book libro;
boy niño; brain cerebro; branch rama; bread pan; bridge puente; broccoli brócoli; brown marrón; bubble burbuja;
bucket cubo; bus autobús; butcher carnicero; butter mantequilla; butterfly mariposa; button botón; buy comprar;
cabbage repollo; cactus cactus; cage jaula; cake pastel; camel camello; camera cámara; candle vela; candy caramelo;
cane bastón; canoe canoa; cape capa; carpet alfombra; carrot zanahoria; castle castillo; cat gato; caterpillar oruga;
cauliflower coliflor; cave cueva; cereal cereal; chain cadena; chair silla; chalk tiza; cheese queso; cherry cereza;
chimney chimenea; chin barbilla; chocolate chocolate; christmas navidad; church iglesia; circle círculo; circus circo;
city ciudad; claw garra; clean limpio; clock reloj; cloud nube; clown payaso; coast costa; cobra cobra; coffee café;
coin moneda; cold frío; color color; comb peine; cookie galleta; corn maíz; cow vaca; crab cangrejo; crazy loco;
cream crema; crocodile cocodrilo; cry llorar; cucumber pepino; curtain cortina; daisy margarita; dance bailar;
danger peligro; day día; dead muerto; december diciembre; deer ciervo; desert desierto; dessert postre;
diamond diamante; die morir; dirty sucio; do hacer; doctor doctor; dog perro; doll muñeca; donkey burro; door puerta;
dot punto; dragon dragón; draw dibujar; dream sueño; dress vestido; drink beber; drum tambor; dry seco; duck pato;
dune duna; dwarf enano; eagle águila; earth tierra; eat comer; egg huevo; elbow codo; electrician electricista;
elephant elefante; empty vacío; engine motor; engineer ingeniero; english inglés; eraser borrador; eyebrow ceja;
eyelash pestaña; eyes ojos; face cara; fairy hada; family familia; far lejos; farm granja; farmer granjero; fat gordo;
feather pluma; february febrero; feet pies; fin aleta; find encontrar; finger dedo; fire fuego; fireman bombero;
first primero; fisherman pescador; fist puño; flag bandera; flame llama; flour harina; flower flor; flute flauta;
food comida; foot pie; forest bosque; fork tenedor; fox zorro; france francia; friday viernes; friend amigo;
frog rana; fruit fruta; game juego; garage garaje; garden jardín; garlic ajo; germany alemania; gift regalo;
giant gigante; giraffe jirafa; girl niña; glove guante; goat cabra; gold oro; good bueno; grandfather abuelo;
grandmother abuela; grape uva; grass hierba; gray gris; great_britain gran bretaña; green verde; hair pelo;
hairdresser peluquera; ham jamón; hamburger hamburguesa; hammer martillo; hamster hámster; hand mano; happy feliz;
hard duro; hat sombrero; hay heno; head cabeza; hear oír; heart corazón; heat calor; help ayudar; hen gallina;
high alto; hippopotamus hipopótamo; hive colmena; hole agujero; horse caballo; hospital hospital; hot caliente;
house casa; hunter cazador; ice hielo; ill enfermo; ink tinta; island isla; italy italia; jacket chaqueta;
jam mermelada; january enero; jewel joya; judge juez; july julio; jump saltar; june junio; kangaroo canguro; king rey;
kiss beso; kitchen cocina; kite cometa; kiwi kiwi; knee rodilla; knife cuchillo; knot nudo; know saber; koala koala;
ladder escalera; ladybug mariquita; lake lago; lamb cordero; lamp lámpara; laugh reír; lava lava; leaf hoja;
leek puerro; left izquierda; leg pierna; lemon limón; leopard leopardo; lettuce lechuga; librarian bibliotecaria;
life vida; light luz; lighthouse faro; line línea; lion león; lip labio; liquid líquido; lizard lagarto;
lobster langosta; love amor; luck suerte; lunch almuerzo; man hombre; map mapa; mask máscara; may mayo; meat carne;
melon melón; milk leche; mill molino; mirror espejo; mole topo; monday lunes; monkey mono; moon luna;
mosquito mosquito; mother madre; motorcycle motocicleta; mountain montaña; mouse ratón; mouth boca; movie película;
mud barro; mug taza; muscle músculo; music música; musician músico; neck cuello; necklace collar; needle aguja;
nest nido; newspaper periódico; night noche; noise ruido; north norte; nose nariz; notebook cuaderno;
november noviembre; now ahora; number número; nurse enfermera; nut nuez; ocean océano; october octubre; oil aceite;
olive aceituna; onion cebolla; open abierto; orange naranja; owl búho; page página; paint pintura; panda panda;
panther pantera; pants pantalones; paper papel; park parque; parrot loro; path camino; pear pera; pearl perla;
pencil lápiz; petal pétalo; phone teléfono; piano piano; pig cerdo; pigeon paloma; pill pastilla; pillow almohada;
pilot piloto; pine_tree pino; pineapple piña; pink rosa; pirate pirata; pizza pizza; planet planeta; play jugar;
plum ciruela; plumber fontanero; pocket bolsillo; police policía; pool piscina; potato patata; price precio;
priest sacerdote; prince príncipe; princess princesa; pumpkin calabaza; purple morado; pyramid pirámide; queen reina;
question pregunta; quick rápido; rabbit conejo; radio radio; rain lluvia; rake rastrillo; raspberry frambuesa;
rat rata; read leer; red rojo; reptile reptil; rhinoceros rinoceronte; rice arroz; ring anillo; river río;
robot robot; rocket cohete; roof techo; rooster gallo; root raíz; rope cuerda; sad triste; sail vela; sailor marinero;
salmon salmón; sand arena; sandals sandalias; saturday sábado; sauce salsa; sausage salchicha; scar cicatriz;
school escuela; scissors tijeras; scorpion escorpión; screen pantalla; sea mar; see ver; seed semilla;
september septiembre; shadow sombra; shark tiburón; sheep oveja; shell concha; shirt camisa; shoe zapato; short corto;
shovel pala; shower ducha; shrimp camarón; silence silencio; silver plata; sing cantar; singer cantante;
sister hermana; skirt falda; sky cielo; sleep dormir; sleeve manga; slow lento; small pequeño; smile sonrisa;
snail caracol; snake serpiente; snow nieve; soap jabón; sock calcetín; soft suave; soldier soldado; son hijo;
soup sopa; space espacio; speak hablar; spice especia; spider araña; spinach espinaca; sponge esponja; spoon cuchara;
squirrel ardilla; stain mancha; star estrella; stone piedra; straw paja; strawberry fresa; street calle;
strong fuerte; student estudiante; sugar azúcar; suitcase maleta; summer verano; sun sol; sunday domingo; sweet dulce;
swim nadar; table mesa; tail cola; teacher maestra; team equipo; television televisión; temple templo; tennis tenis;
text texto; thief ladrón; think pensar; thumb pulgar; thursday jueves; tiger tigre; time tiempo; tired cansado;
today hoy; tomato tomate; tomorrow mañana; tongue lengua; tool herramienta; towel toalla; tower torre; toy juguete;
train tren; tree árbol; triangle triángulo; trip viaje; truck camión; tube tubo; tuesday martes; tulip tulipán;
tunnel túnel; turkey pavo; turtle tortuga; umbrella paraguas; uniform uniforme; valley valle; vet veterinario;
voice voz; vowel vocal; wait esperar; walk caminar; wall pared; want querer; wash lavar; wasp avispa; water agua;
wave ola; wedding boda; wednesday miércoles; weight peso; wet mojado; wheat trigo; wheel rueda; white blanco;
wig peluca; wind viento; window ventana; winter invierno; wolf lobo; woman mujer; wood madera; word palabra;
world mundo; write escribir; yard patio; yellow amarillo; yesterday ayer; yogurt yogur; zebra cebra; grey gris
"""

PORTUGUESE_COLOURS = """
black preto; blue azul; brown marrom; green verde; grey cinza; orange laranja; pink rosa; purple roxo; red vermelho;
white branco; yellow amarelo
"""


@functools.cache
def table(language: str) -> dict[str, str]:
    """What is said in a file of that name, without its ending: ``"fr"``, ``"es"``; for ``"pt"`` the colours alone."""
    text = {"fr": FRENCH, "es": SPANISH, "pt": PORTUGUESE_COLOURS}[language]
    pairs = (entry.split(maxsplit=1) for entry in " ".join(text.split()).split(";"))
    return dict(pairs)


def english(name: str) -> str:
    """The English of a file's name: ``"apple_tree"`` is an apple tree, ``"ball_soccer"`` a ball."""
    return _ENGLISH.get(name, name.replace("_", " "))


_ENGLISH = {
    "cat_female": "cat", "leg_animal": "leg", "nurse_male": "nurse", "orange-color": "orange", "rabbit_baby": "rabbit",
    "spring_season": "spring", "tomatoe": "tomato", "twin_boys": "twins", "twin_girls": "twins",
    "window_glass": "window", "great_britain": "great britain", "merry-go-round": "merry-go-round", "gray": "grey",
}  # fmt: skip
