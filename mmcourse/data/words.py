"""What the French and Spanish voices of GCompris say in the files of ``words/`` and ``colors/``, by file name.

File names are English; what is said stands in a file of the program, not beside the recordings (Brazilian Portuguese
brings its own). This is our translation of the names that have one plain translation. French nouns are said with their
article. Each recording was compared, by dynamic time warping, with the phrase and with 24 others said by eSpeak NG;
where half of the others were closer, the name is left out (one English word in six was, too, and rightly named).
"""

from __future__ import annotations

import functools

FRENCH = """
accountant un comptable; acorn un gland; actor un acteur; alphabet un alphabet; anchor une ancre; angel un ange;
animal un animal; ankle une cheville; ant une fourmi; anteater un fourmilier; antelope une antilope; apple une pomme;
apple_tree un pommier; apricot un abricot; arm un bras; armchair un fauteuil; artichoke un artichaut;
artist un artiste; asparagus une asperge; astronaut un astronaute; avocado un avocat; ax une hache;
baby_bottle un biberon; back un dos; badge un badge; bag un sac; balance une balance; bald chauve; ball une balle;
ballet un ballet; bank une banque; bat une chauve-souris; bath un bain; bay une baie; beach une plage;
bean un haricot; bear un ours; beard une barbe; bed un lit; bedroom une chambre; bee une abeille; beetle un scarabée;
bell une cloche; belly un ventre; bib un bavoir; bird un oiseau; blackberry une mûre; blackbird un merle;
blade une lame; block un bloc; blue bleu; blueberry une myrtille; board une planche; bomb une bombe; bone un os;
book un livre; bookcase une bibliothèque; boy un garçon; braid une tresse; brain un cerveau; branch une branche;
brick une brique; bricklayer un maçon; bride une mariée; broccoli un brocoli; brother un frère; brown marron;
bubble une bulle; bulb une ampoule; bull un taureau; bus un bus; bush un buisson; butcher un boucher;
butterfly un papillon; button un bouton; cabin une cabane; cactus un cactus; cage une cage; cake un gâteau;
camel un chameau; candle une bougie; candy un bonbon; cane une canne; canoe un canoë; canon un canon;
canyon un canyon; cape une cape; car une voiture; carafe une carafe; card une carte; carnival un carnaval;
carpenter un charpentier; carrot une carotte; cat un chat; cat_female une chatte; caterpillar une chenille;
cauldron un chaudron; cauliflower un chou-fleur; cavern une caverne; chain une chaîne; chair une chaise;
chalk une craie; chameleon un caméléon; cheek une joue; cheese un fromage; cherry une cerise; chick un poussin;
child un enfant; chimney une cheminée; chimp un chimpanzé; cigar un cigare; circus un cirque; city une ville;
clam une palourde; class une classe; claw une griffe; clean propre; cliff une falaise; cloud un nuage; cloudy nuageux;
clown un clown; coat un manteau; cobra un cobra; coconut une noix de coco; cod une morue; coin une pièce;
comb un peigne; couch un canapé; couple un couple; crab un crabe; crazy fou; crocodile un crocodile; crow un corbeau;
crown une couronne; crumb une miette; crust une croûte; cucumber un concombre; curtain un rideau; dam un barrage;
dandelion un pissenlit; danger un danger; desert un désert; desk un bureau; dessert un dessert; diamond un diamant;
dirty sale; doctor un docteur; dog un chien; doll une poupée; dolphin un dauphin; domino un domino; door une porte;
doormat un paillasson; dot un point; dove une colombe; dragonfly une libellule; drawer un tiroir; dress une robe;
drum un tambour; duck un canard; dwarf un nain; eagle un aigle; ear une oreille; eat manger; egg un œuf;
eggplant une aubergine; electrician un électricien; engineer un ingénieur; eraser une gomme; face un visage;
fairy une fée; family une famille; farm une ferme; farmer un fermier; faucet un robinet; feather une plume;
femur un fémur; fig une figue; finger un doigt; fire un feu; fire_extinguisher un extincteur; fireman un pompier;
fish un poisson; fisherman un pêcheur; fist un poing; flacon un flacon; flag un drapeau; flame une flamme;
flamingo un flamant rose; flight un vol; flower une fleur; fluff une peluche; flute une flûte; foam une mousse;
forest une forêt; fork une fourchette; fountain une fontaine; fox un renard; frog une grenouille; fruit un fruit;
full plein; game un jeu; garage un garage; garden un jardin; giant un géant; gift un cadeau; giraffe une girafe;
glass un verre; glove un gant; gnome un gnome; goat une chèvre; goose une oie; grain un grain;
grandmother une grand-mère; grape un raisin; grapefruit un pamplemousse; grave une tombe; green vert; grill un grill;
guinea_pig un cochon d'inde; hair_dryer un sèche-cheveux; ham un jambon; hammer un marteau; hand une main;
handlebar un guidon; happy heureux; harp une harpe; hat un chapeau; hedgehog un hérisson; heel un talon;
hen une poule; high haut; hill une colline; hip une hanche; hippopotamus un hippopotame; hive une ruche; hole un trou;
house une maison; hummingbird un colibri; hunchback un bossu; hunter un chasseur; husband un mari; hyena une hyène;
iceberg un iceberg; ill malade; island une île; jaguar un jaguar; jay un geai; jellyfish une méduse; jewel un bijou;
jockey un jockey; judge un juge; keyboard un clavier; kimono un kimono; king un roi; kitchen une cuisine;
kiwi un kiwi; knee un genou; knife un couteau; knight un chevalier; knot un nœud; koala un koala; lady une dame;
ladybug une coccinelle; lake un lac; lama un lama; lamb un agneau; lasso un lasso; lawn une pelouse; lawyer un avocat;
leaf une feuille; leek un poireau; left gauche; leg une jambe; lemon un citron; lemonade une limonade;
leopard un léopard; lettuce une laitue; librarian un bibliothécaire; lid un couvercle; lighthouse un phare;
lilac un lilas; lion un lion; lion_cub un lionceau; lip une lèvre; lizard un lézard; lobster un homard;
magnet un aimant; magnifying_glass une loupe; magpie une pie; man un homme; mane une crinière; mango une mangue;
map une carte; maple un érable; marble une bille; mattress un matelas; meal un repas; mechanic un mécanicien;
melon un melon; microphone un microphone; mill un moulin; mirror un miroir; mole une taupe; mosque une mosquée;
mosquito un moustique; mother une mère; motorcycle une moto; mountain une montagne; mouse une souris;
mouth une bouche; mug une tasse; mule une mule; muscle un muscle; mushroom un champignon; musician un musicien;
nail un clou; nap une sieste; navel un nombril; necklace un collier; nest un nid; newspaper un journal;
nightgown une chemise de nuit; nose un nez; nostril une narine; notebook un cahier; number un nombre;
nurse une infirmière; nurse_male un infirmier; oar une rame; office un bureau; olive une olive; onion un oignon;
open ouvert; opossum un opossum; orange une orange; orange-color orange; orchid une orchidée; otter une loutre;
owl un hibou; oyster une huître; pacifier une tétine; page une page; pair une paire; pajamas un pyjama;
palm_tree un palmier; panda un panda; panther une panthère; papaya une papaye; parachute un parachute;
parakeet une perruche; parrot un perroquet; path un chemin; pea un petit pois; peach une pêche; pear une poire;
pearl une perle; pedal une pédale; pelican un pélican; pen un stylo; pencil un crayon; peony une pivoine;
petal un pétale; phone un téléphone; piano un piano; pie une tarte; pig un cochon; pigeon un pigeon; pill une pilule;
pillow un oreiller; pilot un pilote; pine un pin; pine_cone une pomme de pin; pink rose; pip un pépin; pipe une pipe;
piranha un piranha; pirate un pirate; pizza une pizza; plane un avion; planet une planète; plant une plante;
plate une assiette; play jouer; plum une prune; plumber un plombier; pocket une poche; pole un poteau; pond un étang;
pool une piscine; pope un pape; porthole un hublot; present un cadeau; president un président; pretty joli;
price un prix; prince un prince; prison une prison; prisoner un prisonnier; pumpkin une citrouille; puppy un chiot;
pyramid une pyramide; queen une reine; question une question; quilt une couette; rabbit un lapin;
rabbit_baby un lapereau; race une course; radio une radio; raft un radeau; raincoat un imperméable; rake un râteau;
ramp une rampe; raspberry une framboise; razor un rasoir; read lire; red rouge; reptile un reptile;
rhinoceros un rhinocéros; river une rivière; road une route; robot un robot; rock un rocher; rocket une fusée;
roof un toit; room une pièce; root une racine; rope une corde; rose une rose; royal royal; run courir; sad triste;
saddle une selle; sailor un marin; salamander une salamandre; salmon un saumon; sandwich un sandwich;
sausage une saucisse; scale une balance; scar une cicatrice; scarf une écharpe; school_bag un cartable;
scorpion un scorpion; screen un écran; seat un siège; seed une graine; shadow une ombre; shark un requin;
sheep un mouton; shelf une étagère; shell un coquillage; shirt une chemise; shoe une chaussure; shoelace un lacet;
shop un magasin; shovel une pelle; shower une douche; shut fermé; shutter un volet; sick malade; sidewalk un trottoir;
sing chanter; sink un évier; sister une sœur; skate un patin; skeleton un squelette; ski un ski; skin une peau;
skirt une jupe; skunk une mouffette; sled une luge; sleep dormir; sleeve une manche; sleigh un traîneau;
slide un toboggan; sloth un paresseux; slug une limace; smile un sourire; snail un escargot; snake un serpent;
soap un savon; sock une chaussette; soldier un soldat; son un fils; soup une soupe; spade une bêche;
spark une étincelle; spatula une spatule; spear une lance; spider une araignée; spider_web une toile d'araignée;
spinach un épinard; spinning_top une toupie; sponge une éponge; spool une bobine; spoon une cuillère;
spring un ressort; square un carré; squash une courge; squid un calmar; squirrel un écureuil; staircase un escalier;
stamp un timbre; star une étoile; starfish une étoile de mer; stem une tige; stew un ragoût; stomach un estomac;
stone une pierre; stork une cigogne; straight droit; strainer une passoire; strawberry une fraise; street une rue;
string une ficelle; strong fort; student un étudiant; stump une souche; suit un costume; suitcase une valise;
summit un sommet; swan un cygne; swim nager; table une table; tablecloth une nappe; tadpole un têtard;
tag une étiquette; tail une queue; tall grand; tape_measure un mètre; taxi un taxi; television une télévision;
tent une tente; text un texte; thief un voleur; thigh une cuisse; think penser; throat une gorge; ticket un ticket;
tiger un tigre; tire un pneu; tired fatigué; tissue un mouchoir; toad un crapaud; toaster un grille-pain;
tongue une langue; tool un outil; torch une torche; touch toucher; towel une serviette; toy un jouet; train un train;
train_station une gare; trap un piège; tree un arbre; triangle un triangle; tribe une tribu; trip un voyage;
truck un camion; tube un tube; tulip une tulipe; turkey une dinde; turnip un navet; turtle une tortue;
tusk une défense; umbrella un parapluie; uniform un uniforme; vegetable un légume; vein une veine; vest un gilet;
vet un vétérinaire; viper une vipère; vulture un vautour; walk marcher; wall un mur; walnut une noix; wart une verrue;
wasp une guêpe; watch une montre; wave une vague; weight un poids; whale une baleine; wheel une roue; white blanc;
wig une perruque; window une fenêtre; window_glass une vitre; wing une aile; wolf un loup; woman une femme;
word un mot; wrist un poignet; write écrire; yellow jaune; zebra un zèbre; zoo un zoo; black noir; grey gris;
purple violet
"""

SPANISH = """
acorn bellota; actor actor; admire admirar; age edad; air aire; alligator caimán; alphabet alfabeto; always siempre;
anchor ancla; angel ángel; animal animal; ankle tobillo; ant hormiga; apple manzana; apricot albaricoque; april abril;
arm brazo; armchair sillón; artichoke alcachofa; artist artista; asparagus espárrago; astronaut astronauta;
athlete atleta; august agosto; avocado aguacate; baby bebé; back espalda; bad malo; bald calvo; ballet ballet;
bank banco; barn granero; basket cesta; beach playa; bean frijol; beard barba; bed cama; bedroom dormitorio;
bee abeja; bell campana; bike bicicleta; bird pájaro; black negro; blind ciego; blond rubio; blue azul; boat barco;
bomb bomba; bone hueso; book libro; boy niño; brain cerebro; branch rama; bread pan; bridge puente; broccoli brócoli;
brown marrón; bubble burbuja; bucket cubo; bus autobús; butcher carnicero; butter mantequilla; butterfly mariposa;
button botón; buy comprar; cabbage repollo; cactus cactus; cage jaula; cake pastel; camel camello; camera cámara;
candle vela; candy caramelo; cane bastón; canoe canoa; cape capa; carpet alfombra; carrot zanahoria; castle castillo;
cat gato; cauliflower coliflor; cave cueva; cereal cereal; chain cadena; chair silla; chalk tiza; cheese queso;
cherry cereza; chimney chimenea; chocolate chocolate; christmas navidad; church iglesia; circle círculo; circus circo;
city ciudad; claw garra; clock reloj; cloud nube; coast costa; cobra cobra; coffee café; coin moneda; cold frío;
color color; cookie galleta; corn maíz; cow vaca; crab cangrejo; crazy loco; cream crema; crocodile cocodrilo;
cry llorar; cucumber pepino; curtain cortina; daisy margarita; dance bailar; danger peligro; day día; dead muerto;
december diciembre; deer ciervo; desert desierto; dessert postre; diamond diamante; die morir; dirty sucio; do hacer;
dog perro; doll muñeca; donkey burro; door puerta; dot punto; dragon dragón; draw dibujar; dream sueño; dress vestido;
drink beber; drum tambor; dry seco; dune duna; dwarf enano; eagle águila; earth tierra; eat comer; egg huevo;
elbow codo; electrician electricista; elephant elefante; empty vacío; engineer ingeniero; english inglés;
eraser borrador; eyebrow ceja; eyelash pestaña; eyes ojos; face cara; fairy hada; family familia; far lejos;
farm granja; farmer granjero; fat gordo; feather pluma; february febrero; feet pies; fin aleta; find encontrar;
fire fuego; fireman bombero; first primero; fisherman pescador; fist puño; flag bandera; flame llama; flour harina;
flute flauta; food comida; foot pie; fork tenedor; fox zorro; france francia; friday viernes; friend amigo; frog rana;
fruit fruta; game juego; garage garaje; garden jardín; garlic ajo; germany alemania; gift regalo; giant gigante;
giraffe jirafa; girl niña; glove guante; goat cabra; gold oro; good bueno; grandfather abuelo; grandmother abuela;
grape uva; grass hierba; gray gris; great_britain gran bretaña; green verde; hair pelo; hairdresser peluquera;
ham jamón; hamburger hamburguesa; hammer martillo; hamster hámster; hand mano; happy feliz; hat sombrero; head cabeza;
heart corazón; help ayudar; hen gallina; high alto; hippopotamus hipopótamo; hive colmena; hole agujero;
horse caballo; hospital hospital; hot caliente; house casa; hunter cazador; ice hielo; ill enfermo; ink tinta;
island isla; italy italia; jacket chaqueta; jam mermelada; january enero; jewel joya; judge juez; july julio;
jump saltar; june junio; kangaroo canguro; king rey; kiss beso; kitchen cocina; kite cometa; kiwi kiwi; knee rodilla;
knife cuchillo; knot nudo; know saber; koala koala; ladder escalera; ladybug mariquita; lake lago; lamb cordero;
lamp lámpara; laugh reír; lava lava; leaf hoja; leek puerro; left izquierda; leg pierna; lemon limón;
leopard leopardo; lettuce lechuga; librarian bibliotecaria; life vida; light luz; lighthouse faro; line línea;
lip labio; liquid líquido; lobster langosta; love amor; luck suerte; lunch almuerzo; man hombre; map mapa;
mask máscara; may mayo; melon melón; milk leche; mirror espejo; mole topo; monday lunes; monkey mono; moon luna;
mosquito mosquito; mother madre; motorcycle motocicleta; mountain montaña; mouse ratón; mouth boca; movie película;
mud barro; muscle músculo; music música; musician músico; neck cuello; necklace collar; needle aguja; nest nido;
newspaper periódico; night noche; noise ruido; north norte; nose nariz; notebook cuaderno; november noviembre;
now ahora; number número; nurse enfermera; nut nuez; ocean océano; october octubre; oil aceite; olive aceituna;
onion cebolla; open abierto; orange naranja; owl búho; page página; paint pintura; panda panda; panther pantera;
pants pantalones; paper papel; park parque; parrot loro; path camino; pear pera; pearl perla; pencil lápiz;
petal pétalo; phone teléfono; piano piano; pig cerdo; pigeon paloma; pill pastilla; pillow almohada; pilot piloto;
pine_tree pino; pineapple piña; pink rosa; pirate pirata; pizza pizza; planet planeta; play jugar; plum ciruela;
plumber fontanero; pocket bolsillo; police policía; pool piscina; potato patata; price precio; priest sacerdote;
prince príncipe; princess princesa; pumpkin calabaza; purple morado; pyramid pirámide; queen reina; question pregunta;
quick rápido; rabbit conejo; radio radio; rain lluvia; rake rastrillo; raspberry frambuesa; rat rata; red rojo;
reptile reptil; rhinoceros rinoceronte; rice arroz; ring anillo; river río; robot robot; rocket cohete; roof techo;
rooster gallo; root raíz; rope cuerda; sad triste; sail vela; sailor marinero; salmon salmón; sand arena;
sandals sandalias; saturday sábado; sauce salsa; sausage salchicha; scar cicatriz; school escuela; scissors tijeras;
scorpion escorpión; screen pantalla; sea mar; see ver; seed semilla; september septiembre; shadow sombra;
shark tiburón; sheep oveja; shell concha; shirt camisa; shoe zapato; short corto; shovel pala; shower ducha;
shrimp camarón; silence silencio; silver plata; sing cantar; singer cantante; sister hermana; skirt falda; sky cielo;
sleep dormir; sleeve manga; small pequeño; smile sonrisa; snail caracol; snake serpiente; snow nieve; soap jabón;
sock calcetín; soft suave; soldier soldado; soup sopa; space espacio; speak hablar; spice especia; spider araña;
spinach espinaca; sponge esponja; spoon cuchara; squirrel ardilla; stain mancha; star estrella; stone piedra;
straw paja; strawberry fresa; street calle; strong fuerte; student estudiante; sugar azúcar; suitcase maleta;
summer verano; sun sol; sunday domingo; swim nadar; table mesa; tail cola; teacher maestra; team equipo;
television televisión; tennis tenis; text texto; thief ladrón; think pensar; thumb pulgar; thursday jueves;
time tiempo; tired cansado; today hoy; tomato tomate; tomorrow mañana; tool herramienta; towel toalla; tower torre;
toy juguete; train tren; tree árbol; triangle triángulo; trip viaje; truck camión; tube tubo; tuesday martes;
tulip tulipán; turkey pavo; turtle tortuga; umbrella paraguas; uniform uniforme; valley valle; vet veterinario;
voice voz; vowel vocal; wait esperar; walk caminar; wall pared; want querer; wash lavar; wasp avispa; water agua;
wave ola; wedding boda; wednesday miércoles; weight peso; wheel rueda; white blanco; wig peluca; wind viento;
window ventana; winter invierno; wolf lobo; woman mujer; wood madera; word palabra; write escribir; yard patio;
yellow amarillo; yesterday ayer; yogurt yogur; zebra cebra; grey gris
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


def english(name: str, said: str = "") -> str:
    """The English of a file's name, with an article if what is said has one: ``"une pomme"`` is an apple."""
    word = _ENGLISH.get(name, name.replace("_", " "))
    if said.startswith(("un ", "une ")):
        return f"{'an' if word[0] in 'aeiou' and not word.startswith('uni') else 'a'} {word}"
    return word


_ENGLISH = {
    "cat_female": "cat", "leg_animal": "leg", "nurse_male": "nurse", "orange-color": "orange", "rabbit_baby": "rabbit",
    "spring_season": "spring", "tomatoe": "tomato", "twin_boys": "twins", "twin_girls": "twins",
    "window_glass": "window", "great_britain": "great britain", "merry-go-round": "merry-go-round", "gray": "grey",
}  # fmt: skip
